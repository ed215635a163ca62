import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { swiftFixture } from './swift-fixture.js';

describe('swift driver', function () {
  this.timeout(60_000);
  let bed: SwiftBed;
  before(async function () {
    bed = await swiftBed(this);
  });

  describeDriver('swift', () => swiftFixture(bed), {
    atomicCreate: false,
    steadyOverwrite: false,
    listingLag: 5000,
  });
});
