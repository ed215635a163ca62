import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { RepositoryPattern } from '../../src/domain/repository-pattern.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Digest } from '../../src/domain/digest.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { SegmentStore, StorageDriver } from '../../src/ports/storage-driver.js';
import { checked } from '../../src/storage/checked.js';
import { withFaults } from '../registry/faulty.js';
import { openStore } from '../support/in-process.js';
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
import type { MirrorNode, MirrorNodeOptions } from './mirror-world.js';

const KIB = 1024;
const LARGE = randomBytes(2 * KIB * KIB);

describe('the mirror under attack and misfortune', () => {
  let store: TestStore;
  let upstream: TestUpstream;
  const nodes: MirrorNode[] = [];

  beforeEach(async () => {
    store = await openStore('filesystem');
    upstream = await TestUpstream.start();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ mirror }) => mirror.close()));
    await upstream.stop();
    await store.remove();
  });

  const open = (options: MirrorNodeOptions = {}, seen = (driver: StorageDriver) => driver): MirrorNode => {
    const node = openMirror(checked(seen(store.driver())), upstream, options);
    nodes.push(node);
    return node;
  };
  /** Has the repository know the size of a blob from a manifest. */
  const say = async (node: MirrorNode, digest: Digest, size: number): Promise<void> => {
    const layer = { mediaType: 'application/octet-stream', digest: digest.toString(), size };
    const manifest = upstream.manifest({ schemaVersion: 2, layers: [layer] });
    await node.mirror.registry.manifests.get(NAME, referenceTo(manifest.toString()));
  };

  for (const said of [10, 1000])
    it(`answers with no other length than a blob has, whatever its manifest says (${said})`, async () => {
      const node = open();
      const digest = upstream.blob(randomBytes(500));
      await say(node, digest, said);
      const { blobs } = node.mirror.registry;
      const member = await blobs.stat(NAME, digest);
      for (const range of [undefined, { start: 0, end: 4 }, { start: said - 5, end: said - 1 }])
        await assert.rejects(blobs.open(NAME, digest, member, range), { code: 'UNAVAILABLE' });
    });

  it('gives no part of what has another digest as a complete one', async () => {
    const node = open();
    const digest = digestOf(randomBytes(8));
    upstream.meddling = ({ method }, response) => {
      response
        .writeHead(200, { 'Content-Length': LARGE.byteLength })
        .end(method === 'HEAD' ? undefined : LARGE);
      return true;
    };
    const { blobs } = node.mirror.registry;
    const member = await blobs.stat(NAME, digest);
    for (const end of [0, 1000, LARGE.byteLength - 2]) {
      const body = await blobs.open(NAME, digest, member, { start: 0, end });
      await assert.rejects(bytesOf(body), /another digest/);
    }
  });

  it('gives no empty body for what is not empty', async () => {
    const node = open();
    upstream.meddling = (_asked, response) =>
      response.writeHead(200, { 'Content-Length': 0 }).end() !== undefined;
    await assert.rejects(pull(node, digestOf(LARGE)), { code: 'UNAVAILABLE' });
  });

  it('joins no beginning of an attempt that failed with the end of another', async () => {
    const [one, other] = [open(), open()];
    const digest = upstream.blob(LARGE);
    const rotten = Buffer.from(LARGE);
    rotten[1000] = (rotten[1000] ?? 0) ^ 1;
    const first: ServerResponse[] = [];
    upstream.meddling = (_asked, response) => {
      if (first.push(response) > 1) return false;
      response.writeHead(200, { 'Content-Length': LARGE.byteLength });
      return response.write(rotten.subarray(0, LARGE.byteLength - 1)) || true;
    };
    const mine = await one.mirror.registry.blobs.openWhole(NAME, digest);
    mine.body.on('error', () => undefined);
    await until(() => isTold(one, digest));
    const theirs = await other.mirror.registry.blobs.openWhole(NAME, digest);
    const reading = bytesOf(theirs.body);
    await once(theirs.body, 'readable');
    first[0]?.end(rotten.subarray(-1));
    await assert.rejects(reading);
    assert.ok((await pull(other, digest)).equals(LARGE));
  });

  it('takes a blob anew that was proven to be damaged', async () => {
    const node = open();
    for (const bytes of [LARGE, randomBytes(1000)]) {
      const digest = upstream.blob(bytes);
      await pull(node, digest);
      await node.mirror.take(NAME, digest);
      await node.registry.damaged.mark(digest);
      const before = upstream.asked.length;
      assert.ok((await pull(node, digest)).equals(bytes));
      await node.mirror.take(NAME, digest);
      assert.equal(await node.registry.damaged.has(digest), false);
      assert.equal(upstream.asked.length, before + 1);
    }
  });

  it('holds no connection of an upstream after the store failed', async () => {
    let failing = true;
    const node = open({}, (driver) => {
      const append: SegmentStore['append'] = async (set, recorded, body, options) => {
        if (!failing) return driver.segments.append(set, recorded, body, options);
        for await (const chunk of body) if (chunk.byteLength > 0) break;
        throw new StorageError('UNAVAILABLE', 'the disk is full');
      };
      return withFaults(driver, { segments: withFaults(driver.segments, { append }) });
    });
    const digest = upstream.blob(LARGE);
    for (let i = 0; i < 30; i += 1) await assert.rejects(pull(node, digest));
    await until(async () => upstream.origin.connections <= 2);
    failing = false;
    assert.ok((await pull(node, digest)).equals(LARGE));
  });

  it('does not take what is no blob for a missing one, nor a blob for a missing manifest', async () => {
    const node = open();
    const blob = upstream.blob(randomBytes(100));
    const manifest = upstream.manifest({ schemaVersion: 2, layers: [] });
    await assert.rejects(node.mirror.registry.manifests.get(NAME, referenceTo(blob.toString())), {
      status: 404,
    });
    await assert.rejects(pull(node, manifest), { status: 404 });
    assert.equal((await pull(node, blob)).byteLength, 100);
    assert.ok(await node.mirror.registry.manifests.get(NAME, referenceTo(manifest.toString())));
  });

  it('mounts nothing from a repository that is not offered, nor looks for content below mirror/', async () => {
    const digest = upstream.blob(randomBytes(100));
    const before = open();
    await pull(before, digest);
    await before.mirror.take(NAME, digest);
    const after = open({ upstream: { deny: [RepositoryPattern.parse('library/**')] } });
    const own = parseRepositoryName('team/app');
    assert.equal(await after.mirror.registry.blobs.mount(own, digest, NAME), false);
    assert.equal(await before.mirror.registry.blobs.mountFromAny(own, digest, () => true), false);
    assert.equal(await before.mirror.registry.blobs.mount(own, digest, NAME), true);
  });

  it('sets a tag once that is immutable here', async () => {
    const clock = { immutableTags: [TagPattern.parse('mirror/**:v*')] };
    const node = open({ registry: clock });
    const first = upstream.manifest({ schemaVersion: 2, layers: [], annotations: { n: '1' } }, 'v1');
    const ask = async (): Promise<string> => {
      const { digest } = await node.mirror.registry.manifests.get(NAME, referenceTo('v1'));
      await node.mirror.settled();
      return digest.toString();
    };
    assert.equal(await ask(), first.toString());
    upstream.manifest({ schemaVersion: 2, layers: [], annotations: { n: '2' } }, 'v1');
    assert.equal(await ask(), first.toString());
    assert.equal(upstream.asked.length, 2);
  });

  it('stops at once though an upstream is silent', async () => {
    const node = open();
    upstream.meddling = () => true;
    const asking = node.mirror.registry.manifests.get(NAME, referenceTo('v1'));
    await until(async () => upstream.asked.length > 0);
    const refused = assert.rejects(asking, /stops/);
    await node.mirror.close();
    await refused;
    nodes.splice(0);
  });

  it('takes a blob once for two nodes that ask in the same moment', async () => {
    const all = [open(), open(), open(), open()];
    const digest = upstream.blob(LARGE);
    const pulled = await Promise.all(all.flatMap((node) => [pull(node, digest), pull(node, digest)]));
    assert.ok(pulled.every((each) => each.equals(LARGE)));
    assert.equal(upstream.asked.length, 1);
  });
});
