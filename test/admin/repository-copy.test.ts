import assert from 'node:assert/strict';
import { blobDataKey } from '../../src/domain/keys.js';
import { parseTag } from '../../src/domain/reference.js';
import type { RegistryError } from '../../src/errors/registry-error.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import {
  EMPTY_JSON,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from '../http/content.js';
import type { Content } from '../http/content.js';
import { A, B, byDigest, inEveryWorld, tagged } from './image-world.js';

const LAYER = bytesOf(1000);
const OTHER_LAYER = bytesOf(300, 2);
const IMAGE = imageOf([LAYER]);
const OTHER = imageOf([LAYER, OTHER_LAYER]);
const INDEX = indexOf([descriptorOf(IMAGE), descriptorOf(OTHER)]);
const BLOBS = [EMPTY_JSON, LAYER, OTHER_LAYER];
const X = parseTag('x');
const TO = { repository: B, tag: X };
const FROM = { repository: A, reference: tagged('x') };

inEveryWorld('repository copy', (world) => {
  const copy = (options: { referrers?: boolean } = {}) =>
    world().repositories.copy({ from: FROM, to: TO, ...options });

  /** Whether the target holds the manifest, byte by byte, as a fresh process sees it. */
  async function holds({ digest, bytes, mediaType }: Content): Promise<boolean> {
    const { manifests } = world().another().registry;
    const stored = await manifests.get(B, byDigest(digest)).catch(() => undefined);
    return stored !== undefined && stored.bytes.equals(bytes) && stored.mediaType === mediaType;
  }

  it('takes an index with its children and blobs, the tag last', async () => {
    for (const image of [IMAGE, OTHER]) await world().push(A, image, { blobs: BLOBS });
    await world().push(A, INDEX, { tags: ['x'] });
    const order: string[] = [];
    const watched = world().another({
      seen: (driver) =>
        withFaults(driver, {
          put: (key, ...rest) => {
            order.push(key);
            return driver.put(key, ...rest);
          },
        }),
    });
    const copied = await watched.repositories.copy({ from: FROM, to: TO });
    assert.deepEqual(copied, { digest: INDEX.digest, manifests: 3, blobs: 3 });
    for (const each of [IMAGE, OTHER, INDEX]) assert.ok(await holds(each));
    for (const blob of BLOBS) assert.ok(await world().another().registry.blobs.has(B, digestOf(blob)));
    const places = [OTHER.digest, INDEX.digest].map((digest) =>
      order.findIndex((key) => key.includes('/revisions/') && key.includes(digest.slice(7))),
    );
    const tag = order.findIndex((key) => key.includes('/tags/'));
    assert.deepEqual(
      [...places, tag],
      [...places, tag].sort((a, b) => a - b),
    );
    assert.ok(order.slice(tag).every((key) => key.includes('/tags/')));
    assert.deepEqual(await world().another().names(), [A, B]);
  });

  it('may be repeated, and cut off shows nothing', async () => {
    for (const image of [IMAGE, OTHER]) await world().push(A, image, { blobs: BLOBS });
    await world().push(A, INDEX, { tags: ['x'] });
    for (let allowed = 0, isDone = false; !isDone; allowed++) {
      let left = allowed;
      const cut = world().another({
        seen: (driver) =>
          withFaults(driver, {
            put: (...call) => ((left -= 1) < 0 ? Promise.reject(new Error('cut off')) : driver.put(...call)),
          }),
      });
      isDone = await cut.repositories.copy({ from: FROM, to: TO }).then(
        () => true,
        () => false,
      );
      const { items } = await world().another().repositories.tags(B, { limit: 10 }).catch(noTags);
      assert.ok(!isDone || items.length === 1);
      if (items.length === 1) for (const each of [IMAGE, OTHER, INDEX]) assert.ok(await holds(each));
    }
    assert.equal((await copy()).digest, INDEX.digest);
  });

  it('takes no byte of a blob, and needs no tag', async () => {
    const digest = await world().push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    const from = { repository: A, reference: byDigest(digest.toString()) };
    const fresh = world().another();
    const counted = await fresh.countOf(() => fresh.repositories.copy({ from, to: { repository: B } }));
    // Read: read-only mode (2), the manifest with its link (2), the source's layer links (2).
    assert.deepEqual(counted, { read: 5, stat: 2, put: 5 });
    assert.ok(await holds(IMAGE));
    assert.deepEqual((await fresh.repositories.tags(B, { limit: 10 })).items, []);
  });

  it('takes signatures and what belongs to those, where that is wished', async () => {
    const index = indexOf([descriptorOf(IMAGE)]);
    const ofChild = imageOf([], { artifactType: 'a/child', subject: descriptorOf(IMAGE) });
    const signature = imageOf([OTHER_LAYER], { artifactType: 'a/signature', subject: descriptorOf(index) });
    const ofSignature = imageOf([], { artifactType: 'a/second', subject: descriptorOf(signature) });
    // Lists its own subject, and so must come after it.
    const listing = indexOf([descriptorOf(index)], { subject: descriptorOf(index) });
    await world().push(A, IMAGE, { blobs: BLOBS });
    await world().push(A, index, { tags: ['x'] });
    const referrers = [ofChild, signature, ofSignature, listing];
    for (const each of referrers) await world().push(A, each);
    assert.deepEqual(await copy(), { digest: index.digest, manifests: 2, blobs: 2 });
    for (const each of referrers) assert.equal(await holds(each), false);
    assert.deepEqual(await copy({ referrers: true }), { digest: index.digest, manifests: 6, blobs: 3 });
    for (const each of [...referrers, index]) assert.ok(await holds(each));
    const { items } = await world().another().repositories.referrers(B, digestOf(index.bytes), { limit: 10 });
    assert.deepEqual(items.map(({ digest }) => digest).sort(), [signature.digest, listing.digest].sort());
    assert.equal((await world().another().repositories.tag(B, X)).digest, index.digest);
  });

  it('takes blobs that an index lists, and keeps types that bodies do not tell', async () => {
    const mediaType = 'application/vnd.example.index+json';
    const content = jsonContent(mediaType, { schemaVersion: 2, manifests: [blobDescriptor(LAYER)] });
    await world().push(A, content, { tags: ['x'], blobs: [LAYER] });
    assert.deepEqual(await copy(), { digest: content.digest, manifests: 1, blobs: 1 });
    assert.ok(await holds(content));
  });

  it('takes what there is of a sparse index only where sparse indexes may be', async () => {
    const sparse = world().another({ references: 'sparse' });
    await sparse.push(A, IMAGE, { blobs: BLOBS });
    await sparse.push(A, INDEX, { tags: ['x'] });
    await assert.rejects(copy(), { code: 'MANIFEST_BLOB_UNKNOWN' });
    assert.deepEqual((await world().another().repositories.tags(B, { limit: 10 })).items, []);
    const copied = await sparse.repositories.copy({ from: FROM, to: TO });
    assert.deepEqual(copied, { digest: INDEX.digest, manifests: 2, blobs: 2 });
    assert.ok(await holds(INDEX));
    assert.equal(await holds(OTHER), false);
  });

  it('leaves out what is fetched from elsewhere', async () => {
    const layers = [{ ...blobDescriptor(OTHER_LAYER), urls: ['https://example.com/layer'] }];
    const image = imageOf([], { layers });
    await world().push(A, image, { tags: ['x'], blobs: [EMPTY_JSON] });
    assert.deepEqual(await copy(), { digest: image.digest, manifests: 1, blobs: 1 });
  });

  it('within a repository only sets the tag', async () => {
    await world().push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    const to = { repository: A, tag: parseTag('y') };
    const copied = await world().repositories.copy({ from: FROM, to, referrers: true });
    assert.deepEqual(copied, { digest: IMAGE.digest, manifests: 0, blobs: 0 });
    assert.equal((await world().repositories.tag(A, to.tag)).digest, IMAGE.digest);
  });

  it('fails for what is missing or damaged', async () => {
    await assert.rejects(copy(), { code: 'MANIFEST_UNKNOWN' });
    await world().push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    const layer = digestOf(LAYER);
    const { driver } = world();
    await world().registry.damaged.mark(layer);
    await assert.rejects(copy(), /are damaged/);
    const sparse = world().another({ references: 'sparse' });
    await sparse.registry.damaged.learn();
    await assert.rejects(sparse.repositories.copy({ from: FROM, to: TO }), /are damaged/);
    await world().registry.damaged.repaired(layer, LAYER.byteLength);
    await driver.delete(blobDataKey(layer));
    await assert.rejects(world().another().repositories.copy({ from: FROM, to: TO }), {
      code: 'MANIFEST_BLOB_UNKNOWN',
    });
    await driver.put(blobDataKey(digestOf(IMAGE.bytes)), Buffer.from('other bytes'));
    await assert.rejects(world().another().repositories.copy({ from: FROM, to: TO }), /are damaged/);
    assert.deepEqual(await world().another().names(), [A, B]);
    await assert.rejects(world().another().repositories.tag(B, X), { code: 'MANIFEST_UNKNOWN' });
  });

  it('refuses an image of too many levels', async () => {
    let content = indexOf([]);
    await world().push(A, content);
    for (let level = 1; level <= 17; level++) {
      content = indexOf([descriptorOf(content)]);
      await world().push(A, content, { tags: ['x'] });
    }
    await assert.rejects(copy(), { kind: 'invalid' });
    await assert.rejects(world().repositories.tag(B, X), { code: 'MANIFEST_UNKNOWN' });
  });
});

function noTags(error: unknown): { items: readonly never[] } {
  assert.equal((error as RegistryError).code, 'NAME_UNKNOWN');
  return { items: [] };
}
