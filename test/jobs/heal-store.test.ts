import assert from 'node:assert/strict';
import type { Digest } from '../../src/domain/digest.js';
import { blobDataKey, blobDigestOfKey, listedKey, type Key } from '../../src/domain/keys.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { adoptStore } from '../../src/jobs/adopt-store.js';
import { healStore, type HealFailure, type HealReport } from '../../src/jobs/heal-store.js';
import type { LegacyObjects, ObjectFacts, SoundObject } from '../../src/ports/legacy-objects.js';
import { StorageError, type StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { createRegistry } from '../../src/registry/registry.js';
import { openFormat } from '../../src/registry/store-format.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { FakeClock, fakeIds } from '../support/in-process.js';
import { withFaults } from '../registry/faulty.js';

const UPLOADS = 'docker/registry/v2/repositories';
const OUTAGE = new StorageError('UNAVAILABLE', 'Swift answered 503');
const LOST = new StorageError('MISMATCH', 'the segment 2 is gone');

/** A memory store some of whose objects count as legacy ones, until they are converted. */
class FakeStore implements LegacyObjects {
  readonly events: string[] = [];
  readonly marked: string[] = [];
  readonly faults = new Map<Key, StorageError>();
  readonly driver: StorageDriver;
  private readonly forms = new Map<Key, ObjectFacts>();
  private inWork = 0;
  mostInWork = 0;

  constructor() {
    const memory = createMemoryDriver({ clock: new FakeClock(), ids: fakeIds() });
    this.driver = withFaults(memory, {
      legacy: this,
      delete: async (key) => {
        this.events.push(`delete ${key}`);
        await memory.delete(key);
      },
    });
  }

  async put(key: Key, facts: ObjectFacts): Promise<Key> {
    await this.driver.put(key, Buffer.alloc(1));
    this.forms.set(key, facts);
    return key;
  }

  async blob(seed: string, form: ObjectFacts['form'] = 'legacy'): Promise<Digest> {
    const digest = digestOf(Buffer.from(seed));
    await this.put(blobDataKey(digest), { form, size: 100, ...(form === 'legacy' && { segments: seed }) });
    return digest;
  }

  async upload(path: string, segments: string): Promise<Key> {
    return this.put(listedKey(`${UPLOADS}/${path}/data`), { form: 'legacy', size: 100, segments });
  }

  async inspect(key: Key): Promise<ObjectFacts> {
    const facts = this.forms.get(key);
    if (facts === undefined) throw new StorageError('NOT_FOUND', `${key} does not exist`);
    return facts;
  }

  async verify(key: Key, digest: Digest): Promise<SoundObject> {
    this.mostInWork = Math.max(this.mostInWork, (this.inWork += 1));
    await new Promise((resolve) => setImmediate(resolve));
    this.inWork -= 1;
    this.events.push(`verify ${digest.hex.slice(0, 8)}`);
    assert.ok(blobDigestOfKey(key)?.equals(digest));
    const fault = this.faults.get(key);
    if (fault !== undefined) throw fault;
    return {
      convert: async () => {
        this.events.push(`convert ${digest.hex.slice(0, 8)}`);
        this.forms.set(key, { form: 'large', size: 100 });
      },
    };
  }

  async heal(dryRun = false): Promise<HealReport & { readonly told: readonly HealFailure[] }> {
    const told: HealFailure[] = [];
    const mark = async (digest: Digest): Promise<void> => void this.marked.push(digest.toString());
    const onFailure = (failure: HealFailure): void => void told.push(failure);
    return { ...(await healStore(this.driver, { mark }, { dryRun, onFailure })), told };
  }
}

describe('heal of a store', () => {
  let store: FakeStore;
  beforeEach(() => {
    store = new FakeStore();
  });

  it('converts what is legacy, and what it did is not done again', async () => {
    for (const seed of ['a', 'b']) await store.blob(seed);
    await store.blob('c', 'plain');
    await store.blob('d', 'large');
    const { told, ...report } = await store.heal();
    assert.deepEqual(report, {
      blobs: {
        plain: { count: 1, bytes: 100 },
        large: { count: 1, bytes: 100 },
        legacy: { count: 2, bytes: 200 },
      },
      healed: { count: 2, bytes: 200 },
      uploads: 0,
      failures: [],
      dryRun: false,
    });
    assert.deepEqual(told, []);
    store.events.length = 0;
    const again = await store.heal();
    assert.deepEqual([again.healed.count, again.blobs.large.count, store.events], [0, 3, []]);
  });

  it('removes the uploads that share the segments of a blob first, and no other', async () => {
    const digest = await store.blob('shared');
    const stale = [
      await store.upload('with/blobs/_uploads/1', 'shared'),
      await store.upload('only-uploads/_uploads/2', 'shared'),
    ];
    await store.put(listedKey(`${UPLOADS}/with/blobs/_layers/sha256/ab/link`), { form: 'plain', size: 71 });
    const other = await store.upload('with/blobs/_uploads/3', 'of nobody');
    const report = await store.heal();
    assert.equal(report.uploads, 2);
    const short = digest.hex.slice(0, 8);
    assert.deepEqual(
      store.events.map((event) => event.split(' ')[0]),
      ['verify', 'delete', 'delete', 'convert'],
    );
    assert.deepEqual(store.events.slice(1, 3).sort(), stale.map((key) => `delete ${key}`).sort());
    assert.equal(store.events.at(-1), `convert ${short}`);
    await store.driver.stat(other);
  });

  it('goes on after a blob that cannot be converted, names it, and leaves its uploads', async () => {
    const lost = await store.blob('lost');
    await store.upload('a/_uploads/1', 'lost');
    store.faults.set(blobDataKey(lost), LOST);
    const away = await store.blob('away');
    store.faults.set(blobDataKey(away), OUTAGE);
    for (let i = 0; i < 10; i++) await store.blob(`sound ${i}`);
    const report = await store.heal();
    assert.equal(report.healed.count, 10);
    assert.equal(report.uploads, 0);
    const byDigest = (a: HealFailure, b: HealFailure): number => (a.digest < b.digest ? -1 : 1);
    const expected = [
      { digest: lost.toString(), reason: LOST.message },
      { digest: away.toString(), reason: OUTAGE.message },
    ].sort(byDigest);
    assert.deepEqual([...report.failures].sort(byDigest), expected);
    assert.deepEqual([...report.told].sort(byDigest), expected);
    assert.deepEqual((await store.inspect(blobDataKey(lost))).form, 'legacy');
    assert.ok(!store.events.some((event) => event.startsWith('delete')));
  });

  it('marks as damaged what is proven to be, so that a push replaces it, and nothing else', async () => {
    const [lost, away] = [await store.blob('lost'), await store.blob('away')];
    store.faults.set(blobDataKey(lost), LOST);
    store.faults.set(blobDataKey(away), OUTAGE);
    await store.heal(true);
    assert.deepEqual(store.marked, []);
    await store.heal();
    assert.deepEqual(store.marked, [lost.toString()]);
  });

  it('does not convert a blob whose upload could not be removed', async () => {
    const digest = await store.blob('shared');
    await store.upload('a/_uploads/1', 'shared');
    const driver = withFaults(store.driver, { delete: () => Promise.reject(OUTAGE) });
    const report = await healStore(driver, { mark: async () => undefined }, { dryRun: false });
    assert.deepEqual(report.failures, [{ digest: digest.toString(), reason: OUTAGE.message }]);
    assert.equal((await store.inspect(blobDataKey(digest))).form, 'legacy');
  });

  it('only reads with a dry run', async () => {
    await store.blob('shared');
    await store.upload('a/_uploads/1', 'shared');
    const report = await store.heal(true);
    assert.deepEqual([report.healed.count, report.uploads, report.dryRun], [1, 1, true]);
    assert.deepEqual(
      store.events.map((event) => event.split(' ')[0]),
      ['verify'],
    );
  });

  it('passes over what is gone since the listing', async () => {
    const digest = digestOf(Buffer.from('gone'));
    await store.driver.put(blobDataKey(digest), Buffer.alloc(1));
    const vanishing = await store.blob('vanishing');
    store.faults.set(blobDataKey(vanishing), new StorageError('NOT_FOUND', 'gone'));
    const report = await store.heal();
    assert.deepEqual([report.healed.count, report.failures], [0, []]);
  });

  it('works on a few blobs at once', async () => {
    for (let i = 0; i < 40; i++) await store.blob(`blob ${i}`);
    assert.equal((await store.heal()).healed.count, 40);
    assert.equal(store.mostInWork, 4);
  });

  it('ends with the failure of a listing', async () => {
    await store.blob('a');
    const driver = withFaults(store.driver, { list: () => Promise.reject(OUTAGE) });
    await assert.rejects(healStore(driver, { mark: async () => undefined }, { dryRun: false }), OUTAGE);
  });

  it('has nothing to do where no other registry stores in a form of its own', async () => {
    const driver = createMemoryDriver({ clock: new FakeClock(), ids: fakeIds() });
    await driver.put(blobDataKey(digestOf(Buffer.from('x'))), Buffer.from('x'));
    const report = await healStore(driver, { mark: async () => undefined }, { dryRun: false });
    assert.deepEqual(
      [report.blobs.plain, report.healed],
      [
        { count: 1, bytes: 1 },
        { count: 0, bytes: 0 },
      ],
    );
  });

  describe('by adopt', () => {
    const options = {
      references: 'sparse',
      shared: false,
      cacheMaxAge: 0,
      manifestCacheBytes: 1_000_000,
      uploadMaxAge: 1000,
      uploadPurgeAfter: 1000,
    } as const;

    async function adopt(given: { finish: boolean; dryRun?: boolean }): ReturnType<typeof adoptStore> {
      const { driver } = store;
      const parts = { driver, clock: new FakeClock(), ids: fakeIds(), invalidations: noInvalidations };
      const { finish, dryRun } = given;
      return adoptStore(driver, createRegistry(parts, options), await openFormat(driver), {
        finish,
        ...(dryRun !== undefined && { heal: { dryRun } }),
      });
    }

    it('is refused while the store is shared, with the reason and the way out', async () => {
      await store.blob('a');
      await assert.rejects(adopt({ finish: false, dryRun: false }), /the store is shared: .* add --finish/);
      assert.deepEqual(store.events, []);
      const dry = await adopt({ finish: false, dryRun: true });
      assert.deepEqual([dry.shared, dry.heal?.healed.count], [true, 1]);
    });

    it('comes after the store was made ours, or later', async () => {
      await store.blob('a');
      const first = await adopt({ finish: true, dryRun: false });
      assert.deepEqual([first.shared, first.heal?.healed.count, first.blobs.legacy.count], [false, 1, 1]);
      const second = await adopt({ finish: false, dryRun: false });
      assert.deepEqual([second.shared, second.heal?.healed.count, second.blobs.large.count], [false, 0, 1]);
    });

    it('leaves the counting of blobs to a look alone', async () => {
      await store.blob('a');
      await store.blob('b', 'plain');
      const { blobs, heal } = await adopt({ finish: false });
      assert.deepEqual([blobs.legacy.count, blobs.plain.count, heal], [1, 1, undefined]);
      assert.deepEqual(store.events, []);
    });
  });
});
