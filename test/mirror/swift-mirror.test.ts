import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { checked } from '../../src/storage/checked.js';
import { swiftBench, swiftStore, type SwiftBench } from '../support/swift-store.js';
import type { TestStore } from '../support/in-process.js';
import {
  NAME,
  TestUpstream,
  bytesOf,
  digestOf,
  isTold,
  openMirror,
  pull,
  referenceTo,
  until,
} from './mirror-world.js';
import type { MirrorNode } from './mirror-world.js';

const KIB = 1024;
const MIB = KIB * KIB;
const SMALL = randomBytes(300 * KIB);
const LARGE = randomBytes(5 * MIB);

describe('the mirror on Swift', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let store: TestStore;
  let upstream: TestUpstream;
  const nodes: MirrorNode[] = [];

  before(async function () {
    swift = await swiftBench(this);
  });
  after(() => swift?.stop());

  beforeEach(async () => {
    store = swiftStore(swift.account, { segmentBytes: 8 * MIB });
    upstream = await TestUpstream.start();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ mirror }) => mirror.close()));
    await upstream.stop();
    await store.remove();
  });

  const open = (): MirrorNode => {
    const limits = {
      heldBytes: 512 * KIB,
      windowBytes: MIB,
      pieceBytes: 2 * MIB,
      deadAfter: 5000,
      beatEvery: 500,
    };
    const node = openMirror(checked(store.driver()), upstream, { limits });
    nodes.push(node);
    return node;
  };
  const requestsOf = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    swift.proxy.reset();
    await work();
    return swift.proxy.requests.map(
      ({ method, path }) => `${method} ${path.replace(/^.*\/(?:files|stackyard)\//, '')}`,
    );
  };

  it('takes blobs and manifests, and another node has them without asking', async () => {
    const [node, other] = [open(), open()];
    const digests = [upstream.blob(SMALL), upstream.blob(LARGE), upstream.blob(Buffer.alloc(0))];
    const manifest = upstream.manifest({ schemaVersion: 2, layers: [] }, 'v1');
    for (const digest of digests) {
      await pull(node, digest);
      await node.mirror.take(NAME, digest);
    }
    await node.mirror.registry.manifests.get(NAME, referenceTo('v1'));
    await node.mirror.settled();
    const asked = upstream.asked.length;
    assert.equal(asked, 5);
    for (const [i, bytes] of [SMALL, LARGE, Buffer.alloc(0)].entries()) {
      const digest = digests[i];
      assert.ok(digest && (await pull(other, digest)).equals(bytes));
    }
    const found = await other.mirror.registry.manifests.get(NAME, referenceTo(manifest.toString()));
    assert.ok(found.digest.equals(manifest));
    assert.equal(upstream.asked.length, asked);
  });

  it('lets another node read what a node is taking', async () => {
    const [one, other] = [open(), open()];
    const digest = upstream.blob(LARGE);
    const waiting: ServerResponse[] = [];
    upstream.meddling = (_asked, response) => {
      waiting.push(response.writeHead(200, { 'Content-Length': LARGE.byteLength }));
      return response.write(LARGE.subarray(0, 3 * MIB)) || true;
    };
    const mine = await one.mirror.registry.blobs.openWhole(NAME, digest);
    await until(() => isTold(one, digest));
    const theirs = await other.mirror.registry.blobs.openWhole(NAME, digest);
    const reading = theirs.body[Symbol.asyncIterator]();
    const first = Buffer.from((await reading.next()).value as Buffer);
    assert.ok(LARGE.subarray(0, first.byteLength).equals(first));
    const rest = (async (): Promise<Buffer> => {
      const chunks = [first];
      for (let step = await reading.next(); step.done !== true; step = await reading.next())
        chunks.push(Buffer.from(step.value as Buffer));
      return Buffer.concat(chunks);
    })();
    for (const response of waiting) response.end(LARGE.subarray(3 * MIB));
    assert.ok((await bytesOf(mine.body)).equals(LARGE));
    assert.ok((await rest).equals(LARGE));
    assert.equal(waiting.length, 1);
  });

  it('costs as few requests as a registry when it holds the blob', async () => {
    const [node, other] = [open(), open()];
    const digest = upstream.blob(SMALL);
    const layer = {
      mediaType: 'application/octet-stream',
      digest: digest.toString(),
      size: SMALL.byteLength,
    };
    const manifest = upstream.manifest({ schemaVersion: 2, layers: [layer] });
    await node.mirror.registry.manifests.get(NAME, referenceTo(manifest.toString()));
    await node.mirror.settled();
    const first = await requestsOf(async () => {
      await pull(node, digest);
      await until(async () => node.events.filter(({ kind }) => kind === 'fetched').length === 2);
    });
    const link = `docker/registry/v2/repositories/${NAME}/_layers/sha256/${digest.hex}/link`;
    const data = `docker/registry/v2/blobs/sha256/${digest.hex.slice(0, 2)}/${digest.hex}/data`;
    assert.deepEqual(first.filter((line) => !line.endsWith('settings/read-only')).sort(), [
      `GET ${link}`,
      `PUT ${data}`,
      `PUT ${link}`,
    ]);
    await assert.rejects(pull(other, digestOf(randomBytes(8))), { code: 'BLOB_UNKNOWN' });
    const cold = await requestsOf(() => pull(other, digest));
    assert.equal(cold.length, 2, cold.join('\n'));
    const warm = await requestsOf(() => pull(other, digest));
    assert.equal(warm.length, 1, warm.join('\n'));
  });

  it('takes nothing into the store that breaks off or has another digest', async () => {
    const node = open();
    const digest = upstream.blob(LARGE);
    upstream.meddling = ({ headers }, response) => {
      if (headers.range !== undefined) return response.writeHead(404).end() !== undefined;
      response.writeHead(200, { 'Content-Length': LARGE.byteLength });
      response.write(LARGE.subarray(0, 3 * MIB), () => response.destroy());
      return true;
    };
    await assert.rejects(pull(node, digest));
    upstream.meddling = (_asked, response) => {
      const other = Buffer.from(LARGE);
      other[1_000_000] = (other[1_000_000] ?? 0) ^ 1;
      response.writeHead(200, { 'Content-Length': LARGE.byteLength }).end(other);
      return true;
    };
    await assert.rejects(pull(node, digest), /other digest|another digest/);
    assert.equal(await node.registry.blobs.has(NAME, digest), false);
    upstream.meddling = () => false;
    assert.ok((await pull(node, digest)).equals(LARGE));
  });
});
