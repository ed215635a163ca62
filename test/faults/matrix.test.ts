import assert from 'node:assert/strict';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { failuresOf, runCampaign } from './campaign.js';
import { OPERATIONS } from './operations/operations.js';

/** Prime, so that the sample meets every operation and every fault; the whole is `npm run test:long`. */
const EVERY = 61;
const LANES = 3;

describe('faults: a sample of the matrix', function () {
  this.timeout(600_000);
  let bed: SwiftBed;
  before(async function () {
    bed = await swiftBed(this);
  });

  it(`every ${EVERY}th case passes, and nothing acknowledged is lost`, async () => {
    const result = await runCampaign({ bed, operations: OPERATIONS, lanes: LANES, every: EVERY });
    assert.deepEqual(failuresOf(result), []);
    assert.deepEqual(result.lost, []);
    assert.deepEqual(result.wrong, []);
    assert.ok(result.acknowledged > 25, `only ${result.acknowledged}`);
  });
});
