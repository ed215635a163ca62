import { swiftStore } from '../support/swift-store.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { assertFewRequests, fillWithLogins } from './many-logins.js';

describe('many users and tokens [swift]', function () {
  this.timeout(120_000);
  let bed: SwiftBed;
  before(async function () {
    bed = await swiftBed(this);
  });

  it('cost a start nothing, and a login or request no more than few would', async () => {
    const store = swiftStore(bed.v1);
    try {
      await fillWithLogins(store, { users: 500, tokens: 500 });
      await assertFewRequests(store, { user: 499, token: 7 });
    } finally {
      await store.remove();
    }
  });
});
