import assert from 'node:assert/strict';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import { until } from '../abuse/deadline.js';
import { digestOf } from '../http/client.js';
import { EMPTY_JSON, descriptorOf, imageOf, indexOf } from '../http/content.js';
import { laggingListing, lost, staleReads } from '../support/fault-proxy/faults.js';
import { DAY } from '../support/in-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { ONCE } from './campaign.js';
import { fresh, Lane } from './lane.js';
import { assertBlob, assertManifest } from './operations/operation.js';
import type { PatientClient } from './patient-client.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A Swift whose replicas and listings are behind; whoever was told 201 must find what it pushed. */
describe('faults: a Swift that is not consistent', function () {
  this.timeout(120_000);
  let bed: SwiftBed;
  let lane: Lane;

  before(async function () {
    bed = await swiftBed(this);
  });
  beforeEach(async () => {
    lane = await Lane.open(bed, { times: ONCE });
  });
  afterEach(async () => {
    await lane?.proxy.heal();
    await lane?.contents.remove();
    await lane?.close();
  });

  /** Each request by another server than the one before. */
  async function pushImage(name: string, tag: string): Promise<ReturnType<typeof imageOf>> {
    const layer = fresh(3 * MIB);
    const servers: readonly PatientClient[] = [lane.small, lane.large];
    let turn = 0;
    const next = (): PatientClient => servers[turn++ % 2] as PatientClient;
    for (const blob of [EMPTY_JSON, layer]) {
      const location = await next().openUpload(name);
      const moved = await next().patch(location, blob);
      (await next().close(moved, digestOf(blob))).expect(201);
    }
    const image = imageOf([layer]);
    await next().pushManifest(name, tag, image);
    (await next().get(`/v2/${name}/manifests/${tag}`)).expect(200);
    await assertBlob(lane, name, layer);
    await assertManifest(lane, name, image.bytes, tag);
    return image;
  }

  it('reads that are stale after a write cost no push anything', async () => {
    lane.proxy.inject({ fault: staleReads() });
    const name = lane.repository();
    await pushImage(name, 'a');
    await pushImage(name, 'b');
  });

  it('a tag that moved is seen by all at once, and one that is gone too', async () => {
    const name = lane.repository();
    const [before, after] = [
      indexOf([], { annotations: { v: '1' } }),
      indexOf([], { annotations: { v: '2' } }),
    ];
    await lane.small.pushManifest(name, 't', before);
    lane.proxy.inject({ fault: staleReads() });
    await lane.small.pushManifest(name, 't', after);
    for (const client of [lane.small, lane.large]) {
      const seen = (await client.get(`/v2/${name}/manifests/t`)).expect(200);
      assert.equal(seen.headers['docker-content-digest'], after.digest);
    }
    (await lane.small.call('DELETE', `/v2/${name}/manifests/t`)).expect(202);
    for (const client of [lane.small, lane.large]) (await client.get(`/v2/${name}/manifests/t`)).expect(404);
  });

  it('no push, pull, mount or delete asks a listing, or trusts one', async () => {
    const name = lane.repository();
    const image = await pushImage(name, 'first');
    lane.proxy.inject({ fault: laggingListing() });
    lane.proxy.reset();
    await pushImage(name, 'second');
    const source = lane.repository();
    const layer = await lane.witness.pushBlob(source, fresh(1000));
    (await lane.small.call('POST', `/v2/${name}/blobs/uploads/?mount=${layer}&from=${source}`)).expect(201);
    const listings = lane.proxy.requests.filter(({ query }) => query.includes('format=json'));
    assert.deepEqual(listings, []);
    // Deleted at the other server than the one that pushed.
    for (const tag of ['first', 'second'])
      (await lane.large.head(`/v2/${name}/manifests/${tag}`)).expect(200);
    (await lane.large.call('DELETE', `/v2/${name}/manifests/${image.digest}`)).expect(202);
    (await lane.witness.get(`/v2/${name}/manifests/${image.digest}`)).expect(404);
  });

  it('a server lists its own tags, repositories and deletions whatever the listing says', async () => {
    lane.proxy.inject({ fault: laggingListing() });
    const name = lane.repository();
    await pushImage(name, 'a');
    await lane.small.pushManifest(name, 'b', indexOf([]));
    await lane.small.pushManifest(name, 'c', indexOf([]));
    (await lane.small.call('DELETE', `/v2/${name}/manifests/b`)).expect(202);
    const tags = await lane.small.tags(name);
    assert.ok(tags.includes('c') && !tags.includes('b'), tags.join());
    const { repositories } = (await lane.small.get('/v2/_catalog')).json() as { repositories: string[] };
    assert.ok(repositories.includes(name));
  });

  it('the purge deletes no segment that a blob needs, with listings that lag and reads that are stale', async () => {
    const name = lane.repository();
    const kept = [fresh(5 * MIB), fresh(5 * MIB)];
    lane.proxy.inject({ fault: laggingListing() });
    lane.proxy.inject({ fault: staleReads() });
    for (const bytes of kept) {
      const location = await lane.small.patch(await lane.small.openUpload(name), bytes);
      (await lane.small.close(location, digestOf(bytes))).expect(201);
    }
    await lane.small.patch(await lane.small.openUpload(name), fresh(5 * MIB));
    const store = lane.store();
    store.clock.advance(9 * DAY);
    const purge = () => purgeUploads(store.driver(), store.clock, { olderThan: 8 * DAY, dryRun: false });
    await purge();
    for (const bytes of kept) await assertBlob(lane, name, bytes);
    await lane.proxy.heal();
    await purge();
    for (const bytes of kept) await assertBlob(lane, name, bytes);
    assert.deepEqual(await lane.contents.garbage(), []);
    await store.remove();
  });

  it('a segment that is lost: its blob is not there for pushers, and the next push heals it', async () => {
    const name = lane.repository();
    const bytes = fresh(12 * MIB);
    const digest = digestOf(bytes);
    const push = async (): Promise<void> => {
      const location = await lane.large.patch(await lane.large.openUpload(name), bytes);
      (await lane.large.close(location, digest)).expect(201);
    };
    await push();
    const [, second] = await lane.contents.segmentsOf(digest);
    assert.ok(second);
    assert.equal((await lane.contents.request('DELETE', second)).status, 204);
    await assert.rejects(lane.large.get(`/v2/${name}/blobs/${digest}`), /aborted|ECONNRESET|socket hang up/);
    await until(
      'the proof',
      async () => (await lane.large.head(`/v2/${name}/blobs/${digest}`)).status === 404,
    );
    assert.equal(
      (await lane.contents.names()).filter((each) => each.startsWith('stackyard/v1/damaged/')).length,
      1,
    );
    await push();
    await assertBlob(lane, name, bytes);
    (await lane.large.head(`/v2/${name}/blobs/${digest}`)).expect(200);
    assert.deepEqual(
      (await lane.contents.names()).filter((each) => each.startsWith('stackyard/v1/damaged/')),
      [],
    );
  });

  it('a segment that cannot be seen for a while proves nothing against its blob for good', async () => {
    const name = lane.repository();
    const bytes = fresh(12 * MIB);
    const digest = digestOf(bytes);
    const location = await lane.large.patch(await lane.large.openUpload(name), bytes);
    (await lane.large.close(location, digest)).expect(201);
    const hidden = lane.proxy.inject({ match: { path: /\/segments\/stackyard\// }, fault: lost() });
    (await lane.large.get(`/v2/${name}/blobs/${digest}`)).expect(200);
    hidden.remove();
    await assertBlob(lane, name, bytes);
  });

  it('a referrer that was pushed a moment ago is listed by its server', async () => {
    const name = lane.repository();
    const subject = indexOf([], { annotations: { salt: fresh(8).toString('hex') } });
    await lane.small.pushManifest(name, 's', subject);
    const referrer = indexOf([], { subject: descriptorOf(subject) });
    await lane.small.pushManifest(name, referrer.digest, referrer);
    const listed = await lane.small.referrers(name, subject.digest);
    assert.deepEqual(
      listed.map(({ digest }) => digest),
      [referrer.digest],
    );
  });
});
