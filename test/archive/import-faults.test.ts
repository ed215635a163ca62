import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { withFaults } from '../registry/faulty.js';
import { RegistryNode, onStore, openStore } from '../support/in-process.js';
import { NAME, everything, exported, importInto, savedImage, tarArchive } from './archives.js';

const SAVED = savedImage(['a:v1', 'a:v2'], [400_000, 150_000, 20]);
/** Layers are staged, not held in memory. */
const STAGING = { maxManifestBytes: 10_000 };
const archive = () => tarArchive(SAVED.entries);

for (const store of ['memory', 'filesystem'] as const) {
  describe(`archive: imports that do not end well [${store}]`, () =>
    onStore(store, (bench) => {
      const listing = () => everything(bench().node.driver);

      it('keeps nothing of an import that is aborted, at whatever byte', async () => {
        const before = await listing();
        const bytes = await archive();
        for (const end of [0, 300, 90_000, 450_000, 560_000, bytes.byteLength]) {
          const abort = new AbortController();
          const source = new PassThrough();
          const importing = importInto(bench().node.registry, source, { signal: abort.signal }, STAGING);
          const refused = assert.rejects(importing, /gone away/);
          source.write(bytes.subarray(0, end), () => abort.abort(new Error('gone away')));
          await refused;
          assert.ok(source.destroyed);
          assert.deepEqual(await listing(), before);
        }
      });

      it('keeps nothing of a body that fails, and throws its error', async () => {
        const before = await listing();
        const source = new PassThrough();
        const failure = new Error('Request aborted');
        const refused = assert.rejects(importInto(bench().node.registry, source, {}, STAGING), failure);
        source.write((await archive()).subarray(0, 300_000), () => source.destroy(failure));
        await refused;
        assert.deepEqual(await listing(), before);
      });

      it('refuses an immutable tag before anything is kept', async () => {
        const tags = { immutableTags: [TagPattern.parse('team/app:v*')] };
        const { registry, driver } = await bench().another(tags);
        const other = await tarArchive(savedImage(['a:v2'], [10], 9).entries);
        await importInto(registry, other);
        const before = await everything(driver);
        await assert.rejects(
          importInto(registry, await archive(), {}, STAGING),
          (error) => error instanceof RegistryError && error.code === 'DENIED',
        );
        assert.deepEqual(await everything(driver), before);
        await importInto(registry, other);
      });

      it('sets no tag unless everything is there, whichever write fails', async () => {
        const bytes = await archive();
        const outcomes: boolean[] = [];
        do {
          const fresh = await openStore(store);
          const driver = fresh.driver();
          const broken = await RegistryNode.start(fresh, { driver: failingAt(driver, outcomes.length + 1) });
          const sound = await RegistryNode.start(fresh, { driver });
          const isWhole = importInto(broken.registry, bytes, {}, STAGING).then(
            () => true,
            (error: unknown) => {
              assert.ok(error instanceof StorageError, String(error));
              return false;
            },
          );
          outcomes.push(await isWhole);
          const tags = await sound.registry.tags.list(NAME);
          if (tags.length > 0) await exported(sound.registry, ...tags);
          if (!outcomes.at(-1)) {
            await importInto(sound.registry, bytes, {}, STAGING);
            assert.deepEqual(await sound.registry.tags.list(NAME), ['v1', 'v2']);
          }
          await Promise.all([broken.close(), sound.close()]);
          await fresh.remove();
        } while (!outcomes.at(-1));
        assert.ok(outcomes.length > 8, `${outcomes.length} writes`);
      }).timeout(20_000);

      it('leaves to the purge what it cannot remove, and tells why it was refused', async () => {
        const { driver } = bench().node;
        const stuck = withFaults(driver, {
          segments: withFaults(driver.segments, {
            remove: () => Promise.reject(new StorageError('UNAVAILABLE', 'not now')),
          }),
        });
        const { registry } = await bench().another({ driver: stuck });
        const cut = (await archive()).subarray(0, 500_000);
        await assert.rejects(importInto(registry, cut, {}, STAGING), /cut off/);
        assert.ok((await driver.segments.list({ limit: 10 })).sets.length > 0);
      });
    }));
}

/** A driver whose n-th write fails. */
function failingAt(driver: StorageDriver, failAt: number): StorageDriver {
  let writes = 0;
  const next = (): void => {
    writes += 1;
    if (writes === failAt) throw new StorageError('UNAVAILABLE', `write ${failAt} fails`);
  };
  return withFaults(driver, {
    put: async (...put) => (next(), driver.put(...put)),
    putVerified: async (...put) => (next(), driver.putVerified(...put)),
    segments: withFaults(driver.segments, {
      append: async (...append) => (next(), driver.segments.append(...append)),
      commit: async (...commit) => (next(), driver.segments.commit(...commit)),
    }),
  });
}
