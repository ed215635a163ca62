import assert from 'node:assert/strict';
import { blobDataKey, revisionLinkKey, tagCurrentKey, tagIndexKey } from '../../src/domain/keys.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { digestOf } from '../../src/registry/digester.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf, jsonContent } from '../http/content.js';
import type { ImageWorld } from './image-world.js';
import { A, B, byDigest, inEveryWorld, tagged } from './image-world.js';

const LAYER = bytesOf(1000);
const OTHER_LAYER = bytesOf(300, 2);
const IMAGE = imageOf([LAYER]);
const OTHER = imageOf([LAYER, OTHER_LAYER]);
const BLOBS = [EMPTY_JSON, LAYER, OTHER_LAYER];
const ALL = { limit: 100 };
const SIZE = IMAGE.bytes.byteLength + 2 + 1000;
const OTHER_SIZE = OTHER.bytes.byteLength + 2 + 1300;

inEveryWorld('repositories', (world) => {
  const of = () => world().repositories;

  it('are listed in the order of the catalog, from a name on, as far as they may be seen', async () => {
    for (const name of ['b', 'a/b', 'a-b', 'a', 'a/b/c', 'team/x'])
      await world().push(parseRepositoryName(name), imageOf([]), { blobs: [EMPTY_JSON] });
    for (const each of [world(), world().another()]) {
      assert.deepEqual(await each.names(), ['a', 'a/b', 'a/b/c', 'a-b', 'b', 'team/x']);
      assert.deepEqual(await each.names('a/'), ['a/b', 'a/b/c']);
      assert.deepEqual(await each.names('a'), ['a', 'a/b', 'a/b/c', 'a-b']);
      for (const none of ['a!', 'A', '..', 'zz', 'a b', '/']) assert.deepEqual(await each.names(none), []);
      const page = await each.repositories.list({ limit: 1, prefix: 'a/' }, () => true);
      assert.deepEqual(page, { items: [{ name: 'a/b' }], next: 'a/b' });
      const rest = await each.repositories.list({ limit: 1, prefix: 'a/', last: 'a/b' }, () => true);
      assert.deepEqual(rest, { items: [{ name: 'a/b/c' }] });
      const seen = await each.repositories.list({ limit: 2 }, (name) => name !== 'a/b');
      assert.deepEqual(
        seen.items.map(({ name }) => name),
        ['a', 'a/b/c'],
      );
    }
  });

  it('are found with the number of their tags', async () => {
    await world().push(A, IMAGE, { tags: ['one', 'two'], blobs: BLOBS });
    assert.deepEqual(await of().find(A), { name: A, tags: 2 });
    await assert.rejects(of().find(B), { code: 'NAME_UNKNOWN' });
  });

  it('show tags with all that they lead to, page by page', async () => {
    const { store } = world();
    const digest = await world().push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    await world().push(A, OTHER, { tags: ['three'] });
    const index = indexOf([descriptorOf(IMAGE), descriptorOf(OTHER)]);
    await world().push(A, index, { tags: ['two'] });
    const both = index.bytes.byteLength + OTHER_SIZE + IMAGE.bytes.byteLength;
    const first = await of().tags(A, { limit: 2 });
    assert.equal(first.next, 'three');
    const last = await of().tags(A, { limit: 2, last: 'three' });
    assert.equal(last.next, undefined);
    const found = [...first.items, ...last.items];
    assert.deepEqual(
      found.map(({ name, size, immutable }) => [name, size, immutable]),
      [
        ['one', SIZE, false],
        ['three', OTHER_SIZE, false],
        ['two', both, false],
      ],
    );
    const [one] = found;
    assert.deepEqual([one?.digest, one?.mediaType], [digest.toString(), IMAGE.mediaType]);
    const age = Date.parse(one?.updatedAt ?? '') - store.clock.now();
    assert.ok(Math.abs(age) < 60_000, one?.updatedAt);
    assert.deepEqual(await of().tag(A, parseTag('one')), one);
    await assert.rejects(of().tag(A, parseTag('none')), { code: 'MANIFEST_UNKNOWN' });
    await assert.rejects(of().tags(B, ALL), { code: 'NAME_UNKNOWN' });
  });

  it('show a tag whose manifest is gone, damaged or none without its size, and no ghost', async () => {
    await world().push(A, IMAGE, { tags: ['gone'], blobs: BLOBS });
    await world().push(A, OTHER, { tags: ['damaged'] });
    const { driver } = world();
    await driver.delete(blobDataKey(digestOf(IMAGE.bytes)));
    await driver.put(blobDataKey(digestOf(OTHER.bytes)), Buffer.from('other bytes'));
    const text = Buffer.from('not JSON');
    await driver.put(blobDataKey(digestOf(text)), text);
    await driver.put(revisionLinkKey(A, digestOf(text)), Buffer.from(digestOf(text).toString()));
    await driver.put(tagCurrentKey(A, parseTag('text')), Buffer.from(digestOf(text).toString()));
    await driver.put(tagIndexKey(A, parseTag('ghost'), digestOf(text)), Buffer.from('x'));
    const { repositories } = world().another();
    const { items } = await repositories.tags(A, ALL);
    assert.deepEqual(
      items.map(({ name, mediaType, size }) => [name, mediaType, size]),
      ['damaged', 'gone', 'text'].map((name) => [name, undefined, undefined]),
    );
    const revisions = await repositories.manifests(A, ALL);
    assert.deepEqual(
      revisions.items.map(({ size }) => size),
      [undefined, undefined, undefined],
    );
  });

  it('take a tag to another manifest, byte by byte the same', async () => {
    const digest = await world().push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    const other = await world().push(A, OTHER);
    const one = parseTag('one');
    assert.deepEqual(await of().setTag(A, parseTag('new'), tagged('one')), { digest: digest.toString() });
    assert.deepEqual(await of().setTag(A, one, byDigest(other.toString())), {
      digest: other.toString(),
      previous: digest.toString(),
    });
    const stored = await world().registry.manifests.get(A, tagged('one'));
    assert.deepEqual([stored.bytes, stored.mediaType], [OTHER.bytes, OTHER.mediaType]);
    await assert.rejects(of().setTag(A, one, tagged('none')), { code: 'MANIFEST_UNKNOWN' });
    await world().registry.blobs.delete(A, digestOf(LAYER));
    await assert.rejects(of().setTag(A, one, byDigest(digest.toString())), { code: 'MANIFEST_BLOB_UNKNOWN' });
  });

  it('keep a type that the body does not tell when a tag is set', async () => {
    const mediaType = 'application/vnd.example.thing+json';
    const content = jsonContent(mediaType, { schemaVersion: 2 });
    await world().push(A, content, { tags: ['one'] });
    const { repositories } = world().another();
    await repositories.setTag(A, parseTag('two'), tagged('one'));
    assert.equal((await world().another().repositories.tag(A, parseTag('two'))).mediaType, mediaType);
  });

  it('lose a tag without its manifest, and a manifest with its tags', async () => {
    const digest = await world().push(A, IMAGE, { tags: ['one', 'two'], blobs: BLOBS });
    await of().removeTag(A, parseTag('one'));
    assert.equal((await of().manifest(A, byDigest(digest.toString()))).size, IMAGE.bytes.byteLength);
    await of().removeManifest(A, digest);
    assert.deepEqual((await of().tags(A, ALL)).items, []);
    await assert.rejects(of().removeManifest(A, digest), { code: 'MANIFEST_UNKNOWN' });
    await assert.rejects(of().removeTag(A, parseTag('one')), { code: 'MANIFEST_UNKNOWN' });
  });

  it('show every manifest, tagged or not, of both algorithms, page by page', async () => {
    await world().push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    await world().push(A, OTHER);
    const referrer = imageOf([], { artifactType: 'a/b', subject: descriptorOf(IMAGE), layers: [] });
    const digest = digestOf(referrer.bytes, 'sha512');
    const put = { digest, bytes: referrer.bytes, contentType: referrer.mediaType, tags: [] };
    await world().registry.manifests.put(A, put);
    const found = [];
    let last: string | undefined;
    for (let page = 1; page <= 3; page++) {
      const { items, next } = await of().manifests(A, { limit: 1, ...(last !== undefined && { last }) });
      assert.equal(items.length, 1);
      assert.equal(next === undefined, page === 3);
      found.push(...items);
      last = next;
    }
    const sha256 = [IMAGE.digest, OTHER.digest].sort();
    assert.deepEqual(
      found.map((each) => each.digest),
      [...sha256, digest.toString()],
    );
    const { pushedAt, ...told } = found[2] ?? { pushedAt: '' };
    assert.ok(Date.parse(pushedAt) > 0);
    assert.deepEqual(told, {
      digest: digest.toString(),
      mediaType: referrer.mediaType,
      size: referrer.bytes.byteLength,
      artifactType: 'a/b',
      subject: IMAGE.digest,
    });
    await assert.rejects(of().manifests(B, ALL), { code: 'NAME_UNKNOWN' });
    await assert.rejects(of().manifests(A, { limit: 1, last: 'x' }), { kind: 'digest' });
  });

  it('show what refers to a manifest, by type, page by page', async () => {
    const digest = await world().push(A, IMAGE, { blobs: BLOBS });
    for (const artifactType of ['a/one', 'a/one', 'a/two']) {
      const annotations = { of: `${artifactType}${(await of().referrers(A, digest, ALL)).items.length}` };
      await world().push(A, imageOf([], { artifactType, annotations, subject: descriptorOf(IMAGE) }));
    }
    const all = (await of().referrers(A, digest, ALL)).items;
    assert.deepEqual(all.map((each) => each.artifactType).sort(), ['a/one', 'a/one', 'a/two']);
    assert.ok(all.every(({ annotations }) => annotations?.['of'] !== undefined));
    const first = await of().referrers(A, digest, { limit: 1 }, 'a/one');
    assert.ok(first.next !== undefined);
    const second = await of().referrers(A, digest, { limit: 1, last: first.next }, 'a/one');
    assert.deepEqual([second.items.length, second.next], [1, undefined]);
    assert.deepEqual(await of().referrers(A, digestOf(LAYER), ALL), { items: [] });
    assert.deepEqual(await of().referrers(A, digest, { limit: 0 }), { items: [] });
  });

  it('do not change while the registry is read-only, or lose anything where deletion is switched off', async () => {
    const digest = await world().push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    const before = await world().keysOf(A);
    const one = parseTag('one');
    const copy = { from: { repository: A, reference: tagged('one') }, to: { repository: B } };
    const deletions = (of: ImageWorld['repositories']) => [
      () => of.remove(A),
      () => of.removeTag(A, one),
      () => of.removeManifest(A, digest),
    ];
    const kept = world().another({ deletion: false });
    for (const deletion of deletions(kept.repositories))
      await assert.rejects(deletion(), { code: 'UNSUPPORTED', message: 'deletion is switched off' });
    await world().readOnly.set({ by: 'alice', reason: 'moving house' });
    const refused = { code: 'UNSUPPORTED', status: 405, message: 'the registry is read-only: moving house' };
    const changes = [
      ...deletions(of()),
      () => of().setTag(A, parseTag('two'), tagged('one')),
      () => of().copy(copy),
    ];
    for (const change of changes) await assert.rejects(change(), refused);
    await world().readOnly.clear();
    assert.deepEqual(await world().keysOf(A), before);
    await kept.repositories.setTag(A, parseTag('two'), tagged('one'));
    await of().copy(copy);
  });

  it('keep immutable tags', async () => {
    const guarded = world().another({ immutableTags: [TagPattern.parse('team/**:v*')] });
    const digest = await guarded.push(A, IMAGE, { tags: ['v1', 'x'], blobs: BLOBS });
    await guarded.push(A, OTHER, { tags: ['y'] });
    const { repositories } = guarded;
    const v1 = parseTag('v1');
    assert.deepEqual(
      (await repositories.tags(A, ALL)).items.map(({ immutable }) => immutable),
      [true, false, false],
    );
    const before = await guarded.keysOf(A);
    const from = { repository: A, reference: tagged('y') };
    const changes = [
      () => repositories.removeTag(A, v1),
      () => repositories.removeManifest(A, digest),
      () => repositories.setTag(A, v1, tagged('y')),
      () => repositories.copy({ from, to: { repository: A, tag: v1 } }),
      () => repositories.remove(A),
    ];
    for (const change of changes) await assert.rejects(change(), { code: 'DENIED' });
    assert.deepEqual(await guarded.keysOf(A), before);
    await repositories.setTag(A, v1, tagged('x'));
    await guarded.push(B, imageOf([]), { tags: ['v1'], blobs: [EMPTY_JSON] });
    const onto = { repository: B, tag: v1 };
    await assert.rejects(repositories.copy({ from, to: onto }), { code: 'DENIED' });
    assert.equal(await guarded.registry.blobs.has(B, digestOf(OTHER_LAYER)), false);
  });

  it('cost the requests that are stated', async () => {
    const digest = await world().push(A, IMAGE, { tags: ['one', 'two'], blobs: BLOBS });
    await world().push(A, OTHER);
    const fresh = () => world().another();
    const costs: [string, (of: ImageWorld) => Promise<unknown>, object][] = [
      ['list', ({ repositories }) => repositories.list(ALL, () => true), { list: 1 }],
      ['find', ({ repositories }) => repositories.find(A), { list: 1 }],
      ['tags', ({ repositories }) => repositories.tags(A, ALL), { list: 1, get: 2, read: 1 + 1 }],
      ['tag', ({ repositories }) => repositories.tag(A, parseTag('one')), { get: 1, read: 1 }],
      ['manifests', ({ repositories }) => repositories.manifests(A, ALL), { list: 1, read: 4 }],
      ['by tag', ({ repositories }) => repositories.manifest(A, tagged('one')), { read: 2 }],
      ['by digest', ({ repositories }) => repositories.manifest(A, byDigest(digest.toString())), { read: 2 }],
      ['referrers', ({ repositories }) => repositories.referrers(A, digest, ALL), { list: 1 }],
      ['usage', ({ repositories }) => repositories.usage(A), { list: 2, stat: 5 }],
    ];
    for (const [what, work, requests] of costs) {
      const one = fresh();
      assert.deepEqual(await one.countOf(() => work(one)), requests, what);
    }
  });
});
