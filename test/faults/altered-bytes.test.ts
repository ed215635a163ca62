import assert from 'node:assert/strict';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import { digestOf } from '../http/client.js';
import { indexOf } from '../http/content.js';
import { corrupt } from '../support/fault-proxy/faults.js';
import type { Match } from '../support/fault-proxy/rule.js';
import { DAY } from '../support/in-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { ONCE } from './campaign.js';
import { fresh, Lane } from './lane.js';
import { MOMENTS } from './moments.js';
import { assertBlob } from './operations/operation.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SEGMENTS = /\/segments\/stackyard\//;
const STEPS = /stackyard\/v1\/uploads\//;

/** One bit of one body is another, as bad memory or a bad disk makes it; lengths and headers are right. */
describe('faults: bytes that change on the way', function () {
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
  });
  afterEach(() => lane?.proxy.heal());
  after(async () => {
    await lane?.contents.remove();
    await lane?.close();
  });

  /** Once, and it must happen. */
  async function altered(match: Match, offset: number, work: () => Promise<unknown>): Promise<void> {
    const injection = lane.proxy.inject({ match, times: 1, fault: corrupt({ offset }) });
    await work();
    assert.equal(injection.hits, 1);
    injection.remove();
  }

  it('no link is taken for another digest', async () => {
    const bytes = fresh(1000);
    const digest = await lane.witness.pushBlob(name, bytes);
    await altered({ method: 'GET', path: /_layers/ }, 20, async () =>
      assert.ok((await lane.small.get(`/v2/${name}/blobs/${digest}`)).expect(200).body.equals(bytes)),
    );
    const index = indexOf([], { annotations: { salt: fresh(8).toString('hex') } });
    await lane.witness.pushManifest(name, 't', index);
    await altered({ method: 'GET', path: /current\/link$/ }, 20, async () =>
      assert.ok((await lane.small.get(`/v2/${name}/manifests/t`)).expect(200).body.equals(index.bytes)),
    );
  });

  it('a short segment is joined to the next chunk as it was written', async () => {
    const bytes = fresh(3 * MIB);
    const begun = 2 * MIB + 200 * KIB;
    const first = await lane.small.patch(await lane.small.openUpload(name), bytes.subarray(0, begun));
    let location = first;
    await altered({ method: 'GET', path: SEGMENTS }, 1000, async () => {
      location = await lane.small.patch(first, bytes.subarray(begun));
    });
    (await lane.small.close(location, digestOf(bytes))).expect(201);
    await assertBlob(lane, name, bytes);
  });

  it('a small upload goes on at another server as it was written', async () => {
    const bytes = fresh(400 * KIB);
    const begun = await lane.witness.patch(await lane.witness.openUpload(name), bytes.subarray(0, 200 * KIB));
    let location = begun;
    await altered({ method: 'GET', path: STEPS }, 1000, async () => {
      location = await lane.small.patch(begun, bytes.subarray(200 * KIB));
    });
    await altered({ method: 'GET', path: STEPS }, 300 * KIB, async () =>
      (await lane.large.close(location, digestOf(bytes))).expect(201),
    );
    await assertBlob(lane, name, bytes);
  });

  it('the purge takes no segment for dead by an owner record or a manifest that it misread', async () => {
    const bytes = fresh(5 * MIB);
    const location = await lane.small.patch(await lane.small.openUpload(name), bytes);
    (await lane.small.close(location, digestOf(bytes))).expect(201);
    const store = lane.store();
    store.clock.advance(9 * DAY);
    const driver = store.driver();
    const purge = () => purgeUploads(driver, store.clock, { olderThan: 8 * DAY, dryRun: false });
    await altered({ method: 'GET', path: /stackyard\/v1\/segments\// }, 60, purge);
    await altered({ method: 'GET', query: /multipart-manifest=get/ }, 100, purge);
    await assertBlob(lane, name, bytes);
    await store.remove();
  });

  it('a body that Swift got otherwise than it was sent is sent again', async () => {
    const bytes = fresh(100 * KIB);
    const moment = MOMENTS.find((each) => each.name === 'byte changed in the body');
    const [request] = lane.proxy.requests;
    assert.ok(moment && request);
    const injection = lane.proxy.inject({
      match: { method: 'PUT', path: /\/data$/ },
      times: 1,
      fault: moment.fault({ ...request, bytesUp: bytes.length }),
    });
    const path = `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`;
    (await lane.small.call('POST', path, { body: bytes })).expect(201);
    assert.equal(injection.hits, 1);
    await assertBlob(lane, name, bytes);
  });
});
