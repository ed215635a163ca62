import assert from 'node:assert/strict';
import { DigestSizes } from '../../src/admin/digest-sizes.js';
import { namespaceUsage } from '../../src/admin/usage.js';
import { blobDataKey, layerLinkKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from '../http/content.js';
import { A, B, inEveryWorld } from './image-world.js';

const LAYER = bytesOf(1000);
const OTHER_LAYER = bytesOf(300, 2);
const IMAGE = imageOf([LAYER]);
const OTHER = imageOf([LAYER, OTHER_LAYER]);
const INDEX = indexOf([descriptorOf(IMAGE), descriptorOf(OTHER)]);
const BLOBS = [EMPTY_JSON, LAYER, OTHER_LAYER];
const TEAM = parseRepositoryName('team');
const TEAM_A = parseRepositoryName('team-a');

const size = (...contents: readonly { bytes: Buffer }[]) =>
  contents.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);

inEveryWorld('usage', (world) => {
  it('of a repository counts each blob once', async () => {
    for (const image of [IMAGE, OTHER, INDEX]) await world().push(A, image, { tags: ['x'], blobs: BLOBS });
    assert.deepEqual(await world().repositories.usage(A), {
      repository: A,
      manifests: 3,
      blobs: 3,
      bytes: size(IMAGE, OTHER, INDEX) + 1302,
    });
    await assert.rejects(world().repositories.usage(B), { code: 'NAME_UNKNOWN' });
  });

  it('counts what has two names once, and nothing that is not there', async () => {
    const { driver, registry } = world();
    const sha512 = digestOf(LAYER, 'sha512');
    await world().pushBlob(A, LAYER);
    await registry.blobs.link(A, sha512, { stored: digestOf(LAYER), size: 1000 });
    await driver.put(layerLinkKey(A, digestOf(OTHER_LAYER)), Buffer.from(digestOf(OTHER_LAYER).toString()));
    const bytes = INDEX.bytes;
    const digest = digestOf(INDEX.bytes, 'sha512');
    for (const image of [IMAGE, OTHER]) await world().another({ references: 'sparse' }).push(A, image);
    for (const put of [{ digest }, {}]) await registry.manifests.put(A, { ...put, bytes, tags: [] });
    await world().pushBlob(A, IMAGE.bytes);
    assert.deepEqual(await world().repositories.usage(A), {
      repository: A,
      manifests: 3,
      blobs: 1,
      bytes: size(IMAGE, OTHER, INDEX) + 1000,
    });
    await driver.delete(blobDataKey(digestOf(LAYER)));
    assert.equal((await world().repositories.usage(A)).blobs, 0);
  });

  it('of a namespace counts each blob once over all, and each repository by itself', async () => {
    for (const name of [A, B, TEAM, TEAM_A]) await world().push(name, IMAGE, { blobs: [EMPTY_JSON, LAYER] });
    await world().push(B, OTHER, { blobs: [OTHER_LAYER] });
    const single = size(IMAGE) + 1002;
    const of = (namespace: string) => world().repositories.namespaceUsage(namespace);
    assert.deepEqual(await of('team'), {
      namespace: 'team',
      repositories: 3,
      manifests: 2,
      blobs: 3,
      bytes: single + size(OTHER) + 300,
      apparentBytes: 3 * single + size(OTHER) + 300,
      complete: true,
    });
    const all = await of('');
    assert.deepEqual([all.repositories, all.apparentBytes], [4, 4 * single + size(OTHER) + 300]);
    const none = { repositories: 0, manifests: 0, blobs: 0, bytes: 0, apparentBytes: 0, complete: true };
    for (const namespace of ['tea', 'other', 'A!'])
      assert.deepEqual(await of(namespace), { namespace, ...none });
    const counted = await world().countOf(() => of('team'));
    // The size of each of five blobs is asked for once.
    assert.deepEqual(counted, { list: 2 + 3 * 2, stat: 5 });
  });

  it('says so where there are more blobs than can be told apart', async () => {
    for (const name of [A, B]) await world().push(name, OTHER, { blobs: BLOBS });
    const parts = { registry: world().registry, driver: world().driver };
    const exact = await namespaceUsage(parts, 'team', { mostBlobs: 4 });
    assert.deepEqual([exact.blobs, exact.complete], [3, true]);
    const rough = await namespaceUsage(parts, 'team', { mostBlobs: 2 });
    assert.equal(rough.complete, false);
    assert.ok(rough.bytes >= exact.bytes && rough.bytes <= exact.apparentBytes);
  });

  it('ends when nobody waits for it any longer', async () => {
    await world().push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    const signal = AbortSignal.abort(new Error('gone'));
    await assert.rejects(world().repositories.namespaceUsage('', signal), /gone/);
    await assert.rejects(world().repositories.usage(A, signal), /gone/);
    await assert.rejects(world().repositories.tags(A, { limit: 10 }, signal), /gone/);
  });

  it('makes no more requests once nobody waits', async () => {
    const blobs = Array.from({ length: 60 }, (_, at) => bytesOf(10, at + 1));
    for (const blob of blobs) await world().pushBlob(A, blob);
    const abort = new AbortController();
    const of = world().another({
      seen: (driver) =>
        withFaults(driver, {
          stat: async (...call) => {
            abort.abort(new Error('gone'));
            return driver.stat(...call);
          },
        }),
    });
    const { stat = 0 } = await of.countOf(() =>
      assert.rejects(of.repositories.usage(A, abort.signal), /gone/),
    );
    assert.ok(stat <= 16, `${stat} requests`);
  });
});

describe('digest sizes', () => {
  it('remembers each of many, sizes of 0 too, up to its limit', () => {
    const sizes = new DigestSizes(5000);
    const digests = Array.from({ length: 5001 }, (_, at) => digestOf(Buffer.from(String(at))));
    digests.slice(0, 5000).forEach((digest, at) => {
      assert.equal(sizes.get(digest), undefined);
      assert.equal(sizes.isFull, false);
      sizes.set(digest, at);
    });
    assert.equal(sizes.isFull, true);
    const [beyond] = digests.slice(5000);
    assert.ok(beyond);
    sizes.set(beyond, 1);
    assert.equal(sizes.get(beyond), undefined);
    digests.slice(0, 5000).forEach((digest, at) => assert.equal(sizes.get(digest), at));
  });
});
