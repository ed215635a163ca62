import assert from 'node:assert/strict';
import { UPLOAD_STEPS_PREFIX } from '../../src/domain/keys.js';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import type { PurgeReport } from '../../src/jobs/purge-uploads.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { listAll } from '../../src/ports/listing.js';
import { Client, digestOf } from '../http/client.js';
import { bytesOf } from '../http/content.js';
import { DAY, onEveryStore } from '../support/in-process.js';
import { withFaults } from './faulty.js';

// Large enough for a segment on every store.
const FIRST = bytesOf(150_000, 1);
const SECOND = bytesOf(500, 2);
const WHOLE = Buffer.concat([FIRST, SECOND]);

onEveryStore('jobs/purge-uploads', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  const purge = (dryRun = false): Promise<PurgeReport> =>
    purgeUploads(bench().node.driver, bench().store.clock, { olderThan: 8 * DAY, dryRun });

  const left = async (): Promise<{ steps: number; sets: number }> => {
    let steps = 0;
    for await (const key of listAll(bench().node.driver, { prefix: UPLOAD_STEPS_PREFIX }))
      steps += key === '' ? 0 : 1;
    return { steps, sets: (await bench().node.driver.segments.list({ limit: 100 })).sets.length };
  };

  it('removes the steps and segments of sessions that nobody continued, and nothing younger', async () => {
    const { clock } = bench().store;
    const dead = await client.patch(await client.patch(await client.openUpload('a'), FIRST), SECOND);
    assert.deepEqual(await purge(), { steps: 0, sets: 0, bytes: 0, dryRun: false });
    clock.advance(7 * DAY);
    assert.equal((await purge()).steps, 0);
    clock.advance(DAY + 60_000);
    const before = await left();
    assert.deepEqual({ steps: before.steps, sets: before.sets }, { steps: 2, sets: 1 });
    const dry = await purge(true);
    assert.deepEqual([dry.steps, dry.sets, dry.dryRun], [2, 1, true]);
    assert.ok(dry.bytes >= WHOLE.byteLength);
    assert.deepEqual(await left(), before);
    assert.deepEqual({ ...(await purge()), dryRun: true }, dry);
    assert.deepEqual(await left(), { steps: 0, sets: 0 });
    (await client.get(dead)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    assert.deepEqual(await purge(), { steps: 0, sets: 0, bytes: 0, dryRun: false });
  });

  it('leaves every blob readable: committed, cancelled, mismatched and cut sessions alike', async () => {
    const { clock } = bench().store;
    const location = await client.patch(await client.patch(await client.openUpload('a'), FIRST), SECOND);
    (await client.close(location, digestOf(WHOLE))).expect(201);
    await client.pushBlob('a', SECOND);
    (await client.call('DELETE', await client.patch(await client.openUpload('a'), FIRST))).expect(204);
    const wrong = await client.patch(await client.openUpload('a'), FIRST);
    (await client.close(wrong, digestOf(SECOND))).expect(400);
    const direct = `/v2/a/blobs/uploads/?digest=${digestOf(FIRST)}`;
    (await client.call('POST', direct, { body: [SECOND] })).expect(400);
    clock.advance(8 * DAY + 60_000);
    assert.ok((await purge()).steps > 0);
    assert.deepEqual(await left(), { steps: 0, sets: 0 });
    for (const bytes of [WHOLE, SECOND]) {
      assert.ok((await client.get(`/v2/a/blobs/${digestOf(bytes)}`)).expect(200).body.equals(bytes));
    }
    (await client.close(location, digestOf(WHOLE))).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
  });

  it('what cannot be removed does not keep the rest, and is told', async () => {
    const { clock } = bench().store;
    for (let session = 1; session <= 3; session++) await client.patch(await client.openUpload('a'), FIRST);
    clock.advance(8 * DAY + 60_000);
    const { driver } = bench().node;
    const [first] = (await driver.segments.list({ limit: 1 })).sets;
    const failing = withFaults(driver, {
      deleteMany: async (keys) => {
        const [kept, ...others] = keys;
        assert.ok(kept);
        const error = new StorageError('UNAVAILABLE', 'the step is away');
        return [{ key: kept, error }, ...(await driver.deleteMany(others))];
      },
      segments: withFaults(driver.segments, {
        remove: async (set) => {
          if (set === first?.set) throw new StorageError('UNAVAILABLE', 'the owner record is unreadable');
          await driver.segments.remove(set);
        },
      }),
    });
    const options = { olderThan: 8 * DAY, dryRun: false };
    const report = await purgeUploads(failing, clock, options);
    assert.deepEqual([report.steps, report.sets], [2, 2]);
    assert.deepEqual(report.failed, { count: 2, reason: 'the step is away' });
    assert.ok(report.bytes >= 2 * FIRST.byteLength && report.bytes < 3 * FIRST.byteLength);
    assert.deepEqual(await left(), { steps: 1, sets: 1 });
    const rest = await purge();
    assert.deepEqual([rest.steps, rest.sets, rest.failed], [1, 1, undefined]);
  });

  it('a listing that fails ends it, and a bug is no failure of the store', async () => {
    await client.patch(await client.openUpload('a'), FIRST);
    bench().store.clock.advance(8 * DAY + 60_000);
    const { driver } = bench().node;
    const options = { olderThan: 8 * DAY, dryRun: false };
    const blind = withFaults(driver, {
      list: () => Promise.reject(new StorageError('UNAVAILABLE', 'no listing')),
    });
    await assert.rejects(purgeUploads(blind, bench().store.clock, options), /no listing/);
    const broken = withFaults(driver, {
      segments: withFaults(driver.segments, { remove: () => Promise.reject(new TypeError('a bug')) }),
    });
    await assert.rejects(purgeUploads(broken, bench().store.clock, options), /a bug/);
  });
});
