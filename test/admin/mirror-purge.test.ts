import assert from 'node:assert/strict';
import { MirrorPurge } from '../../src/admin/mirror-purge.js';
import type { MirrorPurgeRequest } from '../../src/admin/mirror-purge.js';
import { layersPrefix, mirrorUseKey, repositoryFilesPrefix, revisionsPrefix } from '../../src/domain/keys.js';
import { parseRepositoryName, type RepositoryName } from '../../src/domain/repository-name.js';
import { RepositoryPattern } from '../../src/domain/repository-pattern.js';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { linkedDigests } from './stored-links.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../http/content.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import { DAY } from '../support/in-process.js';
import { ImageWorld } from './image-world.js';
import type { WorldOptions } from './image-world.js';

const SHARED = bytesOf(500, 1);
const OLD_LAYER = bytesOf(600, 2);
const NEW_LAYER = bytesOf(700, 3);
const OLD = imageOf([SHARED, OLD_LAYER]);
const NEW = imageOf([SHARED, NEW_LAYER]);
const APP = parseRepositoryName('mirror/hub.test/library/app');
const TOOL = parseRepositoryName('mirror/hub.test/tool');
const OTHER = parseRepositoryName('mirror/quay.test/app');
const OWN = parseRepositoryName('team/app');
const NOTHING = { repositories: 0, manifests: 0, tags: 0, blobs: 0, dryRun: false };

// Over memory: files have real times.
describe('mirror purge', () => {
  let world: ImageWorld;
  async function open(options: WorldOptions = {}): Promise<void> {
    world = await ImageWorld.open('memory', options);
  }
  beforeEach(() => open());

  function purge(
    request: MirrorPurgeRequest,
    parts: Partial<ConstructorParameters<typeof MirrorPurge>[0]> = {},
  ): ReturnType<MirrorPurge['run']> {
    const { registry, driver, readOnly, store } = world;
    const reservations = { list: async () => ['hub.test', 'quay.test'] };
    const usual = {
      registry,
      driver,
      readOnly,
      reservations,
      deletion: true,
      shared: false,
      clock: store.clock,
    };
    return new MirrorPurge({ ...usual, ...parts }).run(request);
  }

  const use = async (name: RepositoryName, digest: Parameters<typeof mirrorUseKey>[1]): Promise<void> => {
    await world.driver.put(mirrorUseKey(name, digest), new Uint8Array());
  };

  /** Each with an old and a new image, the old one from 40 days ago. */
  async function fill(...names: readonly RepositoryName[]): Promise<void> {
    for (const name of names)
      await world.push(name, OLD, { tags: ['1', 'old'], blobs: [EMPTY_JSON, SHARED, OLD_LAYER] });
    world.store.clock.advance(40 * DAY);
    for (const name of names) await world.push(name, NEW, { tags: ['2'], blobs: [NEW_LAYER] });
  }

  it('removes what was not asked for, with its tags and the blobs that nothing else needs', async () => {
    await fill(APP, OWN);
    const dry = await purge({ unused: 30 * DAY, dryRun: true });
    assert.deepEqual(dry, { repositories: 1, manifests: 1, tags: 2, blobs: 1, dryRun: true });
    assert.deepEqual(await purge({ unused: 30 * DAY }), { ...dry, dryRun: false });
    assert.deepEqual(await linkedDigests(world.driver, revisionsPrefix(APP)), [NEW.digest]);
    assert.equal((await linkedDigests(world.driver, layersPrefix(APP))).length, 3);
    assert.deepEqual(await world.registry.tags.list(APP), ['2']);
    assert.deepEqual(await world.registry.tags.list(OWN), ['1', '2', 'old']);
    assert.deepEqual(await world.names(), [APP, OWN]);
    assert.deepEqual(await purge({ unused: 30 * DAY }), NOTHING);
  });

  it('keeps what has a mark of a use since, which may be a day older than the use', async () => {
    const digest = await world.push(APP, OLD, { tags: ['1'], blobs: [EMPTY_JSON, SHARED, OLD_LAYER] });
    world.store.clock.advance(10 * DAY);
    await use(APP, digest);
    world.store.clock.advance(30 * DAY + DAY);
    assert.deepEqual(await purge({ unused: 30 * DAY }), NOTHING);
    world.store.clock.advance(1);
    assert.deepEqual(await purge({ unused: 30 * DAY }), {
      ...NOTHING,
      repositories: 1,
      manifests: 1,
      tags: 1,
      blobs: 3,
    });
    assert.deepEqual(await world.keysOf(APP), []);
    assert.deepEqual(await world.names(), []);
  });

  it('removes all of an upstream, or of a pattern, and nothing else', async () => {
    await fill(APP, TOOL, OTHER, OWN);
    const repository = RepositoryPattern.parse('mirror/*/library/**');
    assert.deepEqual(await purge({ repository, dryRun: true }), {
      repositories: 1,
      manifests: 2,
      tags: 3,
      blobs: 4,
      dryRun: true,
    });
    assert.deepEqual(await purge({ repository }), {
      ...NOTHING,
      repositories: 1,
      manifests: 2,
      tags: 3,
      blobs: 4,
    });
    assert.deepEqual(await world.names(), [TOOL, OTHER, OWN]);
    const { repositories, manifests } = await purge({ upstream: 'hub.test' });
    assert.deepEqual([repositories, manifests], [1, 2]);
    assert.deepEqual(await world.names(), [OTHER, OWN]);
    assert.deepEqual(await purge({ repository: RepositoryPattern.parse('team/**') }), NOTHING);
    assert.deepEqual(await purge({ upstream: 'hub' }), NOTHING);
  });

  it('leaves a repository alone of which a blob was stored since', async () => {
    await world.push(APP, OLD, { blobs: [EMPTY_JSON, SHARED, OLD_LAYER] });
    world.store.clock.advance(40 * DAY);
    await world.pushBlob(APP, NEW_LAYER);
    await purge({ unused: 30 * DAY });
    assert.deepEqual(await world.names(), [APP]);
    assert.equal((await linkedDigests(world.driver, layersPrefix(APP))).length, 1);
    await world.registry.blobs.delete(APP, digestOf(NEW_LAYER));
    world.store.clock.advance(40 * DAY);
    await world.pushBlob(TOOL, NEW_LAYER);
    await purge({ unused: 30 * DAY });
    assert.deepEqual(await world.names(), [TOOL]);
    assert.ok((await linkedDigests(world.driver, layersPrefix(TOOL))).length === 1);
  });

  it('keeps what it cannot read, tells why, and goes on with the rest', async () => {
    await fill(APP, TOOL);
    const failing = (broken: (key: string) => boolean): StorageDriver =>
      withFaults(world.driver, {
        stat: (key, options) =>
          broken(key)
            ? Promise.reject(new StorageError('UNAVAILABLE', 'busy'))
            : world.driver.stat(key, options),
      });
    const flat = 'mirror!hub.test!tool';
    const report = await purge(
      { unused: 30 * DAY },
      { driver: failing((key) => key.includes(`/uses/${flat}/`)) },
    );
    assert.deepEqual(report, {
      ...NOTHING,
      repositories: 1,
      manifests: 1,
      tags: 2,
      blobs: 1,
      failed: { count: 1, reason: 'busy' },
    });
    assert.equal((await linkedDigests(world.driver, revisionsPrefix(TOOL))).length, 2);
  });

  it('removes no image of an immutable tag', async () => {
    await open({ immutableTags: [TagPattern.parse('**:old')] });
    await fill(APP, TOOL);
    for (const request of [{ unused: 30 * DAY }, { upstream: 'hub.test' }]) {
      const { failed, manifests } = await purge(request);
      assert.deepEqual([failed?.count, manifests], [2, 0]);
    }
    assert.equal((await linkedDigests(world.driver, revisionsPrefix(APP))).length, 2);
  });

  it('removes marks of manifests that are gone, once they are an hour old', async () => {
    const digest = await world.push(APP, OLD, { blobs: [EMPTY_JSON, SHARED, OLD_LAYER] });
    for (const name of [APP, TOOL, OTHER]) await use(name, digest);
    const marks = async (): Promise<number> =>
      (await world.driver.list({ prefix: 'stackyard/v1/mirror/uses/', limit: 10 })).objects.length;
    await purge({ unused: DAY });
    assert.equal(await marks(), 3);
    world.store.clock.advance(DAY / 24 + 1);
    await purge({ unused: DAY, upstream: 'quay.test' });
    assert.equal(await marks(), 2);
    await purge({ unused: DAY });
    assert.equal(await marks(), 1);
    await world.driver.stat(mirrorUseKey(APP, digest));
  });

  it('only reports of a store that another registry writes to', async () => {
    await open({ shared: true });
    await fill(APP);
    const before = await world.keysOf(APP);
    const { manifests, reason, dryRun } = await purge({ unused: 30 * DAY }, { shared: true });
    assert.deepEqual([manifests, dryRun], [1, false]);
    assert.match(reason ?? '', /another registry may still write/);
    const all = await purge({ upstream: 'hub.test' }, { shared: true });
    assert.deepEqual([all.manifests, all.tags, all.blobs], [2, 3, 4]);
    assert.deepEqual(await world.keysOf(APP), before);
  });

  it('is refused where nothing may be deleted, and where nothing is told of what to remove', async () => {
    await fill(APP);
    await assert.rejects(purge({ upstream: 'hub.test' }, { deletion: false }), { code: 'UNSUPPORTED' });
    await world.readOnly.set({ by: 'root' });
    await assert.rejects(purge({ upstream: 'hub.test' }), { code: 'UNSUPPORTED' });
    assert.equal((await purge({ upstream: 'hub.test', dryRun: true })).manifests, 2);
    await assert.rejects(purge({}), { kind: 'invalid' });
    await assert.rejects(purge({ upstream: '../team' }), { kind: 'invalid' });
    assert.ok((await world.driver.list({ prefix: repositoryFilesPrefix(APP), limit: 1 })).objects.length > 0);
  });
});
