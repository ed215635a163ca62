import assert from 'node:assert/strict';
import { IDEMPOTENCY_PREFIX, idempotencyKey } from '../../src/domain/keys.js';
import { purgeIdempotency } from '../../src/jobs/purge-idempotency.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { listAll } from '../../src/ports/listing.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { withFaults } from '../registry/faulty.js';
import { DAY, FakeClock, fakeIds } from '../support/in-process.js';

describe('jobs/purge-idempotency', () => {
  it('removes answers older than a day, and tells what it could not remove', async () => {
    const clock = new FakeClock();
    const driver = createMemoryDriver({ clock, ids: fakeIds() });
    for (const name of ['a', 'b']) await driver.put(idempotencyKey(name), Buffer.from('{}'));
    clock.advance(DAY);
    await driver.put(idempotencyKey('c'), Buffer.from('{}'));
    assert.deepEqual(await purgeIdempotency(driver, clock), { answers: 0 });
    clock.advance(1);
    const clumsy = withFaults(driver, {
      deleteMany: async (keys) =>
        keys.map((key) => ({ key, error: new StorageError('UNAVAILABLE', 'busy') })),
    });
    const report = await purgeIdempotency(clumsy, clock);
    assert.deepEqual(report, { answers: 0, failed: { count: 2, reason: 'busy' } });
    assert.deepEqual(await purgeIdempotency(driver, clock), { answers: 2 });
    const left: string[] = [];
    for await (const key of listAll(driver, { prefix: IDEMPOTENCY_PREFIX })) left.push(key);
    assert.deepEqual(left, [idempotencyKey('c')]);
  });
});
