import assert from 'node:assert/strict';
import {
  catalogMarkerKey,
  layerLinkKey,
  listedKey,
  mediaTypeKey,
  pinKey,
  referrerKey,
  repositoryFilesPrefix,
  revisionsPrefix,
  tagIndexKey,
} from '../../src/domain/keys.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { walkRepositories } from '../../src/registry/catalog.js';
import { digestOf } from '../../src/registry/digester.js';
import { LaggingListings, withFaults } from '../registry/faulty.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from '../http/content.js';
import { inProcessBus } from '../support/in-process.js';
import { A, B, inEveryWorld, tagged } from './image-world.js';

const LAYER = bytesOf(1000);
const OTHER_LAYER = bytesOf(300, 2);
const IMAGE = imageOf([LAYER]);
const OTHER = imageOf([LAYER, OTHER_LAYER]);
const INDEX = indexOf([descriptorOf(IMAGE), descriptorOf(OTHER)]);
const SIGNATURE = imageOf([], { artifactType: 'a/b', subject: descriptorOf(INDEX) });
const BLOBS = [EMPTY_JSON, LAYER, OTHER_LAYER];
const NESTED = parseRepositoryName('team/a/nested');

inEveryWorld('repository removal', (world) => {
  /** A repository with all that one can hold. */
  async function fill(): Promise<void> {
    await world().push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    await world().push(A, OTHER);
    await world().push(A, INDEX, { tags: ['two', 'three'] });
    await world().push(A, SIGNATURE);
    await world().push(A, { ...indexOf([], { mediaType: undefined }), mediaType: 'application/vnd.x+json' });
    const { driver, registry } = world();
    const sha512 = digestOf(LAYER, 'sha512');
    await registry.blobs.link(A, sha512, { stored: digestOf(LAYER), size: 1000 });
    const gone = digestOf(Buffer.from('gone'));
    await driver.put(tagIndexKey(A, parseTag('ghost'), gone), Buffer.from(gone.toString()));
    for (const key of [pinKey(A, gone), mediaTypeKey(A, gone), referrerKey(A, gone, gone)])
      await driver.put(key, Buffer.from('{}'));
  }
  const upload = listedKey(`${repositoryFilesPrefix(A)}uploads/1/startedat`);

  async function walked(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of walkRepositories(world().driver)) names.push(name);
    return names;
  }

  it('leaves nothing but unfinished uploads, and no other repository without anything', async () => {
    await fill();
    for (const name of [NESTED, B]) await world().push(name, IMAGE, { tags: ['x'], blobs: BLOBS });
    await world().driver.put(upload, Buffer.from('x'));
    const others = async () => [...(await world().keysOf(NESTED)), ...(await world().keysOf(B))];
    const before = await others();
    const removed = await world().repositories.remove(A);
    assert.deepEqual(removed, { manifests: 5, tags: 4, blobs: 3 });
    assert.deepEqual(await world().keysOf(A), [upload]);
    assert.deepEqual(await others(), before);
    assert.deepEqual([...(await walked())].sort(), [NESTED, B].sort());
    for (const each of [world(), world().another()]) assert.deepEqual(await each.names(), [NESTED, B]);
    await assert.rejects(world().repositories.remove(A), { code: 'NAME_UNKNOWN' });
    await assert.rejects(world().repositories.remove(parseRepositoryName('none')), { code: 'NAME_UNKNOWN' });
  });

  it('may be repeated wherever it was cut off', async () => {
    await fill();
    let cuts = 0;
    for (let allowed = 3, isDone = false; !isDone; allowed += 5) {
      let left = allowed;
      const step = <C extends unknown[], R>(call: (...args: C) => Promise<R>) => {
        return (...args: C): Promise<R> =>
          (left -= 1) < 0 ? Promise.reject(new Error('cut off')) : call(...args);
      };
      const cut = world().another({
        seen: (driver) =>
          withFaults(driver, {
            delete: step((...call) => driver.delete(...call)),
            deleteMany: step((...call) => driver.deleteMany(...call)),
            read: step((...call) => driver.read(...call)),
          }),
      });
      isDone = await cut.repositories.remove(A).then(
        () => true,
        () => false,
      );
      cuts += 1;
    }
    assert.ok(cuts > 5);
    assert.deepEqual(await world().keysOf(A), []);
    assert.deepEqual(await world().another().names(), []);
  });

  it('takes what old registries keep among the revisions', async () => {
    await fill();
    const signature = digestOf(Buffer.from('signature'));
    for (const { digest } of [IMAGE, OTHER]) {
      const revision = `${revisionsPrefix(A)}${digest.replace(':', '/')}`;
      const path = `signatures/${signature.toString().replace(':', '/')}/link`;
      await world().driver.put(listedKey(`${revision}/${path}`), Buffer.from(signature.toString()));
    }
    await world().driver.put(listedKey(`${revisionsPrefix(A)}notes`), Buffer.from('x'));
    const pages: string[] = [];
    for (let last: string | undefined, page = 0; page < 9; page += 1) {
      const request = { limit: 2, ...(last !== undefined && { last }) };
      const { items, next } = await world().repositories.manifests(A, request);
      pages.push(...items.map(({ digest }) => digest));
      if (next === undefined) break;
      assert.equal(items.length, 2);
      last = next;
    }
    assert.equal(pages.length, 5);
    assert.deepEqual(pages, [...new Set(pages)].sort());
    assert.equal((await world().repositories.usage(A)).manifests, 5);
    const removed = await world().repositories.remove(A);
    assert.deepEqual(removed, { manifests: 5, tags: 4, blobs: 3 });
    assert.deepEqual(await world().keysOf(A), []);
  });

  it('ends a removal of which only the catalog’s marker was left', async () => {
    await world().driver.put(catalogMarkerKey(A), Buffer.alloc(0));
    assert.deepEqual(await world().repositories.remove(A), { manifests: 0, tags: 0, blobs: 0 });
    assert.deepEqual(await world().another().names(), []);
  });

  it('takes what is gone already for removed, and reads no body that is not there', async () => {
    await fill();
    const { driver } = world();
    const { objects } = await driver.list({ prefix: 'docker/registry/v2/blobs/', limit: 100 });
    await driver.deleteMany(objects.map(({ key }) => key));
    await world().another().repositories.remove(A);
    assert.deepEqual(await world().keysOf(A), []);
  });

  it('is seen at once by all workers of this server, and a push brings the repository back', async () => {
    const [here, there] = inProcessBus(2);
    assert.ok(here && there);
    const one = world().another({ invalidations: here });
    const two = world().another({ invalidations: there });
    const elsewhere = world().another();
    for (const each of [one, two, elsewhere]) await each.push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    await one.repositories.remove(A);
    for (const each of [one, two, elsewhere]) assert.deepEqual(await each.names(), []);
    await two.push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    for (const each of [one, two, elsewhere]) assert.deepEqual(await each.names(), [A]);
    await two.repositories.remove(A);
    await elsewhere.push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    assert.deepEqual(await elsewhere.names(), [], 'it takes its marker to be there');
    world().store.clock.advance(60_000);
    await elsewhere.push(A, IMAGE, { tags: ['x'], blobs: BLOBS });
    for (const each of [one, two, elsewhere]) assert.deepEqual(await each.names(), [A]);
  });

  it('is shown, and complete, though listings lag', async () => {
    const lag = new LaggingListings(world().driver);
    const of = world().another({ seen: () => lag.driver, cacheMaxAge: 0 });
    await of.push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    await of.push(B, IMAGE, { tags: ['one'], blobs: BLOBS });
    await lag.stop();
    await of.push(A, OTHER, { tags: ['two'], blobs: [OTHER_LAYER] });
    await of.repositories.remove(A);
    assert.deepEqual(await of.names(), [B]);
    lag.catchUp();
    assert.deepEqual(await of.names(), [B]);
    const { manifests } = of.registry;
    for (const { bytes } of [IMAGE, OTHER]) assert.equal(await manifests.has(A, digestOf(bytes)), false);
    await lag.stop();
    await of.push(A, IMAGE, { tags: ['one'], blobs: BLOBS });
    assert.deepEqual(await of.names(), [A, B]);
  });

  it('of a shared store leaves nothing that lists as a repository', async () => {
    const shared = world().another({ shared: true });
    for (const name of [A, NESTED]) await shared.push(name, IMAGE, { tags: ['x'], blobs: BLOBS });
    assert.deepEqual(await shared.names(), [A, NESTED]);
    await shared.repositories.remove(A);
    assert.deepEqual(await shared.names(), [NESTED]);
    assert.deepEqual(await shared.names('team/a/'), [NESTED]);
    await shared.repositories.remove(NESTED);
    assert.deepEqual(await world().keysOf(NESTED), []);
    assert.deepEqual(await shared.names(), []);
  });

  it('costs what is stated', async () => {
    await fill();
    const of = world().another();
    const requests = await of.countOf(() => of.repositories.remove(A));
    const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
    // Some of each kind cost a little more: a ghost, a signature, what is kept beside, a second digest.
    assert.ok(total <= 30 + 4 * 9 + 5 * 8 + 4 * 2 + 40, JSON.stringify(requests));
    const other = world().another();
    await other.push(B, IMAGE, { tags: ['x'], blobs: [EMPTY_JSON, LAYER] });
    const plain = await other.countOf(() => other.repositories.remove(B));
    assert.deepEqual(plain, { list: 19, get: 1, read: 8, deleteMany: 1, delete: 6, stat: 2 });
    assert.equal(await world().another().registry.blobs.has(A, digestOf(LAYER)), false);
    await assert.rejects(of.registry.manifests.get(A, tagged('one')), { code: 'MANIFEST_UNKNOWN' });
    await assert.rejects(world().driver.stat(layerLinkKey(A, digestOf(LAYER))), { code: 'NOT_FOUND' });
  });
});
