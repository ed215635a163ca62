import assert from 'node:assert/strict';
import { UPLOAD_STEPS_PREFIX } from '../../src/domain/keys.js';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import type { PurgeReport } from '../../src/jobs/purge-uploads.js';
import { listAll } from '../../src/registry/listing.js';
import { Client, digestOf } from '../http/client.js';
import { bytesOf } from '../http/content.js';
import { DAY, onEveryStore } from '../support/in-process.js';

const FIRST = bytesOf(1000, 1);
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
});
