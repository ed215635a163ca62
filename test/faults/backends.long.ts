import assert from 'node:assert/strict';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import { digestOf } from '../http/client.js';
import { indexOf } from '../http/content.js';
import { DAY } from '../support/in-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { ONCE, OUTAGE } from './campaign.js';
import { fresh, Lane } from './lane.js';
import { assertBlob, assertManifest } from './operations/operation.js';

const MIB = 1024 * 1024;

/** Swift's own servers hang or die. Nobody else may use the same Swift meanwhile. */
describe('faults: a server behind the proxy of Swift', function () {
  this.timeout(300_000);
  let bed: SwiftBed;
  let lane: Lane;

  before(async function () {
    bed = await swiftBed(this);
  });
  afterEach(async () => {
    await bed.signal('object-server', 'SIGCONT');
    await bed.signal('container-server', 'SIGCONT');
    await lane?.contents.remove();
    await lane?.close();
  });

  it('the object server hangs: 503, no absence, and all goes on when it is back', async () => {
    lane = await Lane.open(bed, { times: OUTAGE });
    const name = lane.repository();
    const bytes = fresh(3 * MIB);
    const path = `/v2/${name}/blobs/${digestOf(bytes)}`;
    await lane.witness.pushBlob(name, bytes);
    await bed.signal('object-server', 'SIGSTOP');
    for (const [method, url] of [
      ['GET', path],
      ['HEAD', path],
      ['GET', `/v2/${name}/manifests/t`],
      ['DELETE', path],
    ] as const)
      assert.equal((await lane.small.call(method, url)).status, 503, `${method} ${url}`);
    const other = fresh(MIB);
    const push = `/v2/${name}/blobs/uploads/?digest=${digestOf(other)}`;
    (await lane.small.call('POST', push, { body: other })).expect(503);
    await bed.signal('object-server', 'SIGCONT');
    await lane.large.ask('GET', '/v2/', 200);
    for (let attempt = 0; attempt < 10; attempt++) {
      const answer = await lane.small.call('POST', push, { body: other });
      if (answer.status === 201) break;
      assert.equal(answer.status, 503);
    }
    await assertBlob(lane, name, bytes);
    await assertBlob(lane, name, other);
  });

  it('the container server hangs and its listings are behind: pushes and pulls go on, the purge harms nothing', async () => {
    lane = await Lane.open(bed, { times: ONCE });
    const name = lane.repository();
    const kept = fresh(5 * MIB);
    const push = async (bytes: Buffer): Promise<void> => {
      const location = await lane.small.patch(await lane.small.openUpload(name), bytes);
      (await lane.small.close(location, digestOf(bytes))).expect(201);
    };
    await push(kept);
    await bed.signal('container-server', 'SIGSTOP');
    const bytes = fresh(3 * MIB);
    const index = indexOf([], { annotations: { salt: fresh(8).toString('hex') } });
    try {
      // Each write waits a second for the container server.
      await push(bytes);
      await lane.small.pushManifest(name, 't', index);
      const pulled = (await lane.large.get(`/v2/${name}/blobs/${digestOf(bytes)}`)).expect(200);
      assert.ok(pulled.body.equals(bytes));
    } finally {
      await bed.signal('container-server', 'SIGCONT');
    }
    const store = lane.store();
    store.clock.advance(9 * DAY);
    const purge = () => purgeUploads(store.driver(), store.clock, { olderThan: 8 * DAY, dryRun: false });
    // The listing does not show yet what was written meanwhile.
    await purge();
    for (const each of [kept, bytes]) await assertBlob(lane, name, each);
    await assertManifest(lane, name, index.bytes, 't');
    await store.remove();
  });
});
