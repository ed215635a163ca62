import assert from 'node:assert/strict';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import { digestOf } from '../http/client.js';
import { EMPTY_JSON, imageOf } from '../http/content.js';
import { withBody } from '../support/fault-proxy/answer.js';
import { expiredToken, rewrite, status } from '../support/fault-proxy/faults.js';
import { DAY } from '../support/in-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { ONCE } from './campaign.js';
import { fresh, Lane } from './lane.js';
import { assertBlob } from './operations/operation.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SEGMENTS = /\/segments\/stackyard\//;

/**
 * What other registries' Swift drivers get wrong, point by point. Elsewhere: 5 (listings that lag) in
 * consistency.test.ts; 6 (requests per operation) in test/http/swift-requests.test.ts; 10 (unknown keys) in
 * test/config/loader.test.ts; 11 (TempURL) in test/storage-drivers/swift-temp-url.test.ts and test/http/redirects.test.ts;
 * 12 (Keystone) in test/storage-drivers/swift-identity.test.ts and test/composition/degraded-start.test.ts; more than
 * 1,000 segments (of 4) in test/storage-drivers/swift-segments.test.ts; bounded memory (of 16) in large-layer.long.ts.
 */
describe('faults: what breaks other registries on Swift', function () {
  this.timeout(120_000);
  let bed: SwiftBed;
  let lane: Lane;
  let name: string;

  before(async function () {
    bed = await swiftBed(this);
    lane = await Lane.open(bed, { times: ONCE });
  });
  beforeEach(() => {
    name = lane.repository();
    lane.proxy.reset();
  });
  afterEach(() => lane?.proxy.heal());
  after(async () => {
    await lane?.contents.remove();
    await lane?.close();
  });

  async function push(bytes: Buffer, client = lane.small): Promise<string> {
    const location = await client.patch(await client.openUpload(name), bytes);
    (await client.close(location, digestOf(bytes))).expect(201);
    return location;
  }

  async function purge(): Promise<Awaited<ReturnType<typeof purgeUploads>>> {
    const store = lane.store();
    store.clock.advance(9 * DAY);
    try {
      return await purgeUploads(store.driver(), store.clock, { olderThan: 8 * DAY, dryRun: false });
    } finally {
      await store.remove();
    }
  }

  const segments = async (): Promise<string[]> =>
    (await lane.contents.names()).filter((each) => each.startsWith('segments/'));

  it('1: no upload that lingers takes the segments of a layer with it', async () => {
    const bytes = fresh(5 * MIB);
    const location = await push(bytes);
    // The session of the very same segments is cancelled after its commit, and committed once more.
    (await lane.large.close(location, digestOf(bytes))).expect(201);
    await lane.large.call('DELETE', location);
    await purge();
    await assertBlob(lane, name, bytes);
    // A layer that was deleted and comes back.
    (await lane.small.call('DELETE', `/v2/${name}/blobs/${digestOf(bytes)}`)).expect(202);
    await purge();
    await push(bytes);
    await assertBlob(lane, name, bytes);
  });

  it('2: a token that expires at any segment leaves no short one, and costs the client nothing', async () => {
    const before = new Set(await segments());
    for (const client of [lane.small, lane.large]) {
      for (const nth of [1, 2, 3]) {
        const bytes = fresh(12 * MIB);
        const injection = lane.proxy.inject({
          match: { method: 'PUT', path: SEGMENTS, nth },
          fault: expiredToken(),
        });
        await push(bytes, client);
        assert.ok(injection.hits > 0);
        injection.remove();
        await assertBlob(lane, name, bytes);
      }
    }
    for (const segment of (await segments()).filter((each) => !before.has(each)))
      assert.ok(Number((await lane.contents.request('HEAD', segment)).headers['content-length']) >= 2 * MIB);
  });

  it('3: a lost segment is an error to whoever pulls, never a short body', async () => {
    const bytes = fresh(12 * MIB);
    await push(bytes, lane.large);
    const [, ...later] = await lane.contents.segmentsOf(digestOf(bytes));
    for (const segment of later) await lane.contents.request('DELETE', segment);
    await assert.rejects(
      lane.large.get(`/v2/${name}/blobs/${digestOf(bytes)}`),
      /aborted|ECONNRESET|hang up/,
    );
    await lane.quiet();
    await push(bytes, lane.large);
    await assertBlob(lane, name, bytes);
  });

  it('4: small chunks are joined: no segment but the last is shorter than 1 MiB', async () => {
    const before = new Set(await segments());
    const bytes = fresh(3 * MIB);
    let location = await lane.small.openUpload(name);
    for (let start = 0; start < bytes.length; start += 300 * KIB) {
      const chunk = bytes.subarray(start, start + 300 * KIB);
      location = (await lane.small.patchChunk(location, start, chunk)).expect(202).header('location');
    }
    (await lane.small.close(location, digestOf(bytes))).expect(201);
    await assertBlob(lane, name, bytes);
    await purge();
    const sizes = await Promise.all(
      (await segments())
        .filter((each) => !before.has(each))
        .map(async (each) => Number((await lane.contents.request('HEAD', each)).headers['content-length'])),
    );
    assert.ok(sizes.filter((size) => size < MIB).length <= 1, sizes.join());
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      bytes.length,
    );
  });

  it('7: 429, 498 and 503 on a segment are no error to the client', async () => {
    for (const client of [lane.small, lane.large]) {
      for (const code of [429, 498, 503]) {
        const injection = lane.proxy.inject({
          match: { method: 'PUT', path: SEGMENTS, nth: 2 },
          times: 1,
          fault: status(code),
        });
        const bytes = fresh(12 * MIB);
        await push(bytes, client);
        assert.equal(injection.hits, 1);
        injection.remove();
        await assertBlob(lane, name, bytes);
      }
    }
  });

  it('8: a cancelled push, and one that nobody ended, leave no object after the purge', async () => {
    const bytes = fresh(5 * MIB);
    await push(bytes);
    await purge();
    const before = await lane.contents.names();
    const cancelled = await lane.small.patch(await lane.small.openUpload(name), fresh(6 * MIB));
    (await lane.small.call('DELETE', cancelled)).expect(204);
    await lane.small.patch(await lane.small.openUpload(name), fresh(6 * MIB));
    assert.ok((await lane.contents.names()).length > before.length + 6);
    assert.equal((await purge()).failed, undefined);
    assert.deepEqual(await lane.contents.names(), before);
    await assertBlob(lane, name, bytes);
  });

  it('9: the names of segments are short, and lie apart by upload', async () => {
    await push(fresh(5 * MIB));
    await push(fresh(5 * MIB));
    const names = await segments();
    for (const each of names) assert.ok(each.length < 100, each);
    assert.ok(new Set(names.map((each) => each.split('/')[2])).size >= 2);
  });

  it('13: nothing is copied by Swift, which refuses that above 5 GiB', async () => {
    const bytes = fresh(5 * MIB);
    await push(bytes);
    await push(EMPTY_JSON);
    await lane.small.pushManifest(name, 't', imageOf([bytes]));
    (await lane.small.get(`/v2/${name}/blobs/${digestOf(bytes)}`)).expect(200);
    (await lane.small.call('DELETE', `/v2/${name}/manifests/t`)).expect(202);
    await purge();
    assert.ok(lane.proxy.requests.length > 20);
    for (const { method, headers } of lane.proxy.requests) {
      assert.notEqual(method, 'COPY');
      assert.equal(headers['x-copy-from'], undefined);
    }
  });

  it('14: what cannot be read now is not unused: the purge keeps it, and says so', async () => {
    const bytes = fresh(5 * MIB);
    await push(bytes);
    for (const [method, path] of [
      ['GET', /stackyard\/v1\/segments\//],
      ['HEAD', /\/blobs\/.*\/data$/],
      ['GET', /\/blobs\/.*\/data$/],
    ] as const) {
      const away = lane.proxy.inject({ match: { method, path }, fault: status(503, { retryAfter: 3600 }) });
      const { failed } = await purge();
      assert.ok(failed !== undefined && failed.count > 0, String(path));
      away.remove();
      await assertBlob(lane, name, bytes);
    }
  });

  it('15: a listing shows a layer with its size', async () => {
    const bytes = fresh(5 * MIB);
    await push(bytes);
    const hex = digestOf(bytes).slice('sha256:'.length);
    const listed = await lane.contents.rows(
      `files/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/`,
    );
    assert.deepEqual(
      listed.map(({ bytes: size }) => size),
      [bytes.length],
    );
  });

  it('16: a manifest is never there without its segments: the purge takes none that one names', async () => {
    const bytes = fresh(5 * MIB);
    const location = await lane.small.patch(await lane.small.openUpload(name), bytes);
    // As when the node dies between the large object and the link.
    lane.proxy.inject({ match: { method: 'PUT', path: /_layers/ }, times: 1, fault: status(403) });
    (await lane.small.close(location, digestOf(bytes))).expect(503);
    await purge();
    const again = lane.repository();
    const moved = await lane.small.patch(await lane.small.openUpload(again), bytes);
    (await lane.small.close(moved, digestOf(bytes))).expect(201);
    await purge();
    await assertBlob(lane, again, bytes);
  });

  it('17: a Swift that shows no manifests of large objects still serves them', async () => {
    const bytes = fresh(12 * MIB);
    await push(bytes, lane.large);
    lane.proxy.inject({
      match: { method: 'GET', query: /multipart-manifest=get/ },
      fault: rewrite((answer) => withBody(answer, Buffer.alloc(0))),
    });
    const pulled = (await lane.small.get(`/v2/${name}/blobs/${digestOf(bytes)}`)).expect(200);
    assert.ok(pulled.body.equals(bytes));
  });
});
