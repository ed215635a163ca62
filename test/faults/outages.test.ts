import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOf, withDigest } from '../http/client.js';
import { reset, slow, status } from '../support/fault-proxy/faults.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { ONCE } from './campaign.js';
import { fresh, Lane } from './lane.js';
import { assertBlob } from './operations/operation.js';
import { offsetOf } from './operations/pushes.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const OBJECTS = /\/blobs\/.*\/data$/;
const SEGMENTS = /\/segments\/stackyard\//;

describe('faults: Swift goes away and comes back', function () {
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

  async function stored(name: string, bytes: Buffer): Promise<string> {
    const location = await lane.witness.patch(await lane.witness.openUpload(name), bytes);
    (await lane.witness.close(location, digestOf(bytes))).expect(201);
    return `/v2/${name}/blobs/${digestOf(bytes)}`;
  }

  /** Resolves when so many bytes of a body have passed, up or down. */
  async function passed(direction: 'bytesUp' | 'bytesDown', path: RegExp, bytes: number): Promise<void> {
    const sum = (): number =>
      lane.proxy.requests
        .filter((each) => path.test(each.path))
        .reduce((total, each) => total + each[direction], 0);
    while (sum() < bytes) await delay(5);
  }

  it('a pull goes on where Swift went away', async () => {
    const bytes = fresh(12 * MIB);
    const path = await stored(lane.repository(), bytes);
    lane.proxy.inject({ match: { method: 'GET', path: OBJECTS }, fault: slow({ down: 8 * MIB }) });
    lane.proxy.reset();
    const pull = lane.large.get(path);
    await passed('bytesDown', OBJECTS, 3 * MIB);
    await lane.proxy.down();
    await delay(300);
    await lane.proxy.heal();
    assert.ok((await pull).expect(200).body.equals(bytes));
  });

  it('a push whose segments are held goes on where Swift went away', async () => {
    const name = lane.repository();
    const bytes = fresh(8 * MIB);
    lane.proxy.inject({ match: { method: 'PUT', path: SEGMENTS }, fault: slow({ up: 8 * MIB }) });
    const location = await lane.small.openUpload(name);
    lane.proxy.reset();
    const push = lane.small.patch(location, bytes);
    await passed('bytesUp', SEGMENTS, 3 * MIB);
    await lane.proxy.down();
    await delay(300);
    await lane.proxy.heal();
    (await lane.small.close(await push, digestOf(bytes))).expect(201);
    await assertBlob(lane, name, bytes);
  });

  it('a push whose segments are streamed is refused with 503, keeps what is whole, and goes on', async () => {
    const name = lane.repository();
    const bytes = fresh(20 * MIB);
    const location = await lane.large.openUpload(name);
    lane.proxy.inject({
      match: { method: 'PUT', path: SEGMENTS, nth: 3 },
      fault: reset({ requestBytes: 2 * MIB }),
    });
    const refused = await lane.large.call('PATCH', location, { body: bytes });
    assert.equal(refused.status, 503, refused.body.toString());
    assert.match(refused.header('retry-after'), /^\d+$/);
    const status = (await lane.large.get(location)).expect(204);
    assert.equal(offsetOf(status.headers['range']), 10 * MIB);
    const moved = await lane.small.patch(status.header('location'), bytes.subarray(10 * MIB));
    (await lane.small.close(moved, digestOf(bytes))).expect(201);
    await assertBlob(lane, name, bytes);
  });

  it('a slow Swift and a slow client lose nothing', async () => {
    const name = lane.repository();
    const bytes = fresh(3 * MIB);
    lane.proxy.inject({ match: { path: /\/v1\/AUTH/ }, fault: slow({ up: 4 * MIB, down: 4 * MIB }) });
    const location = await lane.small.openUpload(name);
    const { port } = lane.small.node;
    const push = request({ host: '127.0.0.1', port, method: 'PATCH', path: location });
    const answered = once(push, 'response');
    for (let from = 0; from < bytes.length; from += 256 * KIB) {
      push.write(bytes.subarray(from, from + 256 * KIB));
      await delay(20);
    }
    push.end();
    const [answer] = (await answered) as [
      { statusCode: number; headers: Record<string, string>; resume(): void },
    ];
    answer.resume();
    assert.equal(answer.statusCode, 202);
    await lane.small.ask('PUT', withDigest(answer.headers['location'] ?? '', digestOf(bytes)), 201);
    assert.ok((await lane.large.get(`/v2/${name}/blobs/${digestOf(bytes)}`)).expect(200).body.equals(bytes));
    await assertBlob(lane, name, bytes);
  });

  it('a client that goes away in a PATCH leaves what arrived, and any server goes on', async () => {
    const name = lane.repository();
    const bytes = fresh(7 * MIB);
    const location = await lane.small.openUpload(name);
    const wire = await lane.small.connect();
    wire.head(`PATCH ${location} HTTP/1.1`, `Content-Length: ${bytes.length}`);
    await wire.write(bytes.subarray(0, 5 * MIB));
    await passed('bytesUp', SEGMENTS, 4 * MIB);
    wire.destroy();
    let offset = 0;
    let next = location;
    while (offset === 0) {
      const status = (await lane.large.get(location)).expect(204);
      offset = offsetOf(status.headers['range']);
      next = status.header('location');
      await delay(20);
    }
    assert.ok(offset >= 4 * MIB && offset <= 5 * MIB, `${offset}`);
    const moved = await lane.large.patch(next, bytes.subarray(offset));
    (await lane.large.close(moved, digestOf(bytes))).expect(201);
    await assertBlob(lane, name, bytes);
  });

  it('an outage is never an absence', async () => {
    const name = lane.repository();
    const path = await stored(name, fresh(1000));
    const short = await Lane.open(bed, { times: { connect: 500, request: 1000, retry: 300 } });
    try {
      const other = await stored('elsewhere', fresh(1000));
      short.proxy.inject({ match: { path: /\/v1\/AUTH/ }, fault: status(503) });
      const session = await short.witness.openUpload(name);
      for (const [method, url] of [
        ['GET', path],
        ['HEAD', path],
        ['GET', `/v2/${name}/manifests/latest`],
        ['HEAD', `/v2/${name}/manifests/latest`],
        ['GET', `/v2/${name}/tags/list`],
        ['GET', '/v2/_catalog'],
        ['GET', `/v2/${name}/referrers/${digestOf(fresh(8))}`],
        ['DELETE', path],
        ['DELETE', other],
        ['GET', session],
        ['DELETE', session],
      ] as const) {
        const answer = await short.small.call(method, url);
        assert.equal(answer.status, 503, `${method} ${url}`);
        assert.match(answer.header('retry-after'), /^\d+$/);
      }
    } finally {
      await short.contents.remove();
      await short.close();
    }
  });
});
