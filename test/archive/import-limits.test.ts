import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ArchiveContents } from '../../src/archive/archive-contents.js';
import { ArchiveImporter } from '../../src/archive/archive-importer.js';
import { ImportPlan } from '../../src/archive/import-plan.js';
import { InvalidArchive } from '../../src/archive/invalid-archive.js';
import { MemoryBudget } from '../../src/archive/memory-budget.js';
import { parseDockerConfig, parseSavedImages } from '../../src/archive/saved-images.js';
import { Digest } from '../../src/domain/digest.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from '../http/content.js';
import { DAY, onStore } from '../support/in-process.js';
import {
  LIMITS,
  NAME,
  blobEntry,
  bytesEntry,
  everything,
  importInto,
  layoutOf,
  savedImage,
  streamOf,
  tarArchive,
} from './archives.js';

const MIB = 1024 * 1024;
const SAVED = savedImage(['a:v1'], [40_000, 300]);

function tooLarge(message: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof InvalidArchive && error.kind === 'too-large' && message.test(error.message);
}

describe('archive: what imports may take', () =>
  onStore('memory', (bench) => {
    const registry = () => bench().node.registry;
    const sets = async () => (await bench().node.driver.segments.list({ limit: 1000 })).sets.length;
    const contentsWith = (budget: MemoryBudget) => new ArchiveContents(registry(), NAME, MIB, budget);
    const file = (name: string, bytes: Buffer) => ({
      name,
      type: '0',
      size: bytes.byteLength,
      link: '',
      body: streamOf(bytes),
    });

    it('refuses the ninth import at once, unread, until another ends', async () => {
      const importer = new ArchiveImporter(registry(), LIMITS);
      const stalled = Array.from({ length: 8 }, () => new PassThrough());
      const running = stalled.map((stream) => importer.import(NAME, stream));
      let reads = 0;
      const ninth = new Readable({ read: () => void (reads += 1) });
      await assert.rejects(importer.import(NAME, ninth), (error) => {
        assert.ok(error instanceof RegistryError && error.status === 503, String(error));
        assert.ok(Number(error.headers['Retry-After']) > 0);
        return true;
      });
      assert.ok(ninth.destroyed);
      assert.equal(reads, 0);
      stalled[0]?.end(await tarArchive(SAVED.entries));
      assert.equal((await running[0])?.images.length, 1);
      await importer.import(NAME, streamOf(await tarArchive(SAVED.entries)));
      for (const stream of stalled) stream.end();
      await Promise.all(running.slice(1).map((importing) => assert.rejects(importing, /is empty/)));
    });

    it('refuses a damaged archive in a gzip at once, however slowly more of it comes', async () => {
      const source = new PassThrough();
      source.write(gzipSync(bytesOf(5000)));
      await assert.rejects(importInto(registry(), source), /no tar archive, or is damaged/);
      assert.ok(source.destroyed);
    });

    it('stages small files where the memory of all imports is spent, and gives memory back', async () => {
      const budget = new MemoryBudget(10_000);
      const [first, second, third] = [1, 2, 3].map(() => contentsWith(budget));
      await first?.add(file('a', bytesOf(5000)));
      assert.equal(await sets(), 0);
      await second?.add(file('a', bytesOf(5000)));
      assert.equal(await sets(), 1);
      await first?.discard();
      await third?.add(file('a', bytesOf(5000)));
      await second?.discard();
      assert.equal(await sets(), 0);
      await third?.discard();
      assert.ok(budget.take(10_000));
    });

    it('refuses small files without number that do not fit in memory, and removes them', async () => {
      const contents = contentsWith(new MemoryBudget(0));
      for (let i = 0; i < 1000; i++) await contents.add(file(`f${i}`, Buffer.from('x')));
      assert.equal(await sets(), 1000);
      await assert.rejects(contents.add(file('one more', Buffer.from('x'))), tooLarge(/1000 small files/));
      await contents.add(file('one that is worth it', bytesOf(70_000)));
      await contents.discard();
      assert.equal(await sets(), 0);
    });

    it('takes no room for what only old engines read', async () => {
      const contents = contentsWith(new MemoryBudget(0));
      const id = 'ab'.repeat(32);
      for (const name of [`${id}/VERSION`, `${id}/json`, 'repositories'])
        await contents.add(file(name, Buffer.from('1.0')));
      assert.equal(await sets(), 0);
      await contents.add(file(`${id}/layer.tar`, bytesOf(10)));
      assert.equal(await sets(), 1);
      await contents.discard();
    });

    it('refuses an import that took days, before anything is kept', async () => {
      const before = await everything(bench().node.driver);
      const bytes = await tarArchive(SAVED.entries);
      async function* slowly() {
        yield bytes.subarray(0, -1024);
        await nextTurn();
        bench().store.clock.advance(6 * DAY + 1);
        yield bytes.subarray(-1024);
      }
      // Without staged layers nothing can grow old.
      const importing = (maxManifestBytes: number) =>
        importInto(registry(), Readable.from(slowly()), {}, { maxManifestBytes });
      await assert.rejects(importing(10_000), /the import took too long; start it again/);
      assert.deepEqual(await everything(bench().node.driver), before);
      await importing(4 * MIB);
    });

    it('asks before it commits, and again before the tags', async () => {
      const { driver } = bench().node;
      const before = await everything(driver);
      const archive = await tarArchive(SAVED.entries);
      const asked: number[] = [];
      const refusingAt = (count: number) => async () => {
        asked.push((await everything(driver)).length);
        if (asked.length === count) throw new Error('read-only');
      };
      await assert.rejects(importInto(registry(), archive, { beforeCommit: refusingAt(1) }), /read-only/);
      assert.deepEqual(await everything(driver), before);
      asked.length = 0;
      await assert.rejects(importInto(registry(), archive, { beforeCommit: refusingAt(2) }), /read-only/);
      assert.deepEqual(await registry().tags.list(NAME), []);
      assert.ok((asked[1] ?? 0) > (asked[0] ?? 0));
      asked.length = 0;
      await importInto(registry(), archive, { beforeCommit: refusingAt(3) });
      assert.equal(asked.length, 2);
    });

    it('refuses lists that no manifest has room for', () => {
      const saved = (image: object) => Buffer.from(JSON.stringify([{ Config: 'c', ...image }]));
      const names = (count: number) => Array.from({ length: count }, () => 'a');
      assert.equal(parseSavedImages(saved({ Layers: names(20), RepoTags: names(20) }), 20).length, 1);
      for (const image of [{ Layers: names(21) }, { RepoTags: names(21) }])
        assert.throws(() => parseSavedImages(saved(image), 20), tooLarge(/has more than 20 entries/));
      const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: names(21) } }));
      assert.throws(() => parseDockerConfig('c', config, 20), tooLarge(/has more than 20 entries/));
    });

    it('refuses images whose manifests would not fit in memory', async () => {
      const count = 20_000;
      const image = { Config: 'c', Layers: Array.from({ length: count }, () => 'a') };
      const archive = await tarArchive([
        ['a', gzipSync('x')],
        ['c', JSON.stringify({ rootfs: { diff_ids: Array.from({ length: count }, () => '') } })],
        ['manifest.json', JSON.stringify(Array.from({ length: 6 }, () => image))],
      ]);
      await assert.rejects(
        importInto(registry(), archive),
        tooLarge(/manifests above 16777216 bytes in all/),
      );
    });

    it('lets others have their turn between manifests', async () => {
      const children = Array.from({ length: 20 }, (_, n) => imageOf([], { annotations: { n: `${n}` } }));
      const roots = Array.from({ length: 20 }, (_, n) =>
        indexOf(children.map(descriptorOf), { annotations: { n: `${n}` } }),
      );
      const files = layoutOf(
        roots.map((root) => [root]),
        [bytesEntry(EMPTY_JSON), ...children.map(blobEntry)],
      );
      const saved = JSON.stringify([{ Config: 'blobs', RepoTags: null, Layers: [] }]);
      const archive = await tarArchive([...files, ['manifest.json', saved]]);
      let turns = 0;
      let isDone = false;
      const counting = (async () => {
        for (; !isDone; turns++) await nextTurn();
      })();
      await importInto(registry(), archive);
      isDone = true;
      await counting;
      assert.ok(turns >= 2 * 40, `${turns} turns`);
    });

    it('refuses a configuration that gives its tags to two images', async () => {
      const [config = ''] = bytesEntry(EMPTY_JSON) as readonly [string, Buffer];
      const child = imageOf();
      const mid = indexOf([descriptorOf(child)]);
      const roots = ['1', '2'].map((n) => indexOf([descriptorOf(mid)], { annotations: { n } }));
      const files = (count: number) => [
        ...layoutOf(
          roots.slice(0, count).map((root) => [root]),
          [bytesEntry(EMPTY_JSON), blobEntry(mid), blobEntry(child)],
        ),
        ['manifest.json', JSON.stringify([{ Config: config, RepoTags: ['a:v1'], Layers: [] }])] as const,
      ];
      await assert.rejects(importInto(registry(), await tarArchive(files(2))), /gives the tag v1 to sha256:/);
      const { images } = await importInto(registry(), await tarArchive(files(1)));
      assert.deepEqual(
        images.map(({ digest, tags }) => [digest.toString(), tags]),
        [[roots[0]?.digest, ['v1']]],
      );
    });

    it('bounds the manifests of one archive by their number and their bytes', async () => {
      const contents = contentsWith(new MemoryBudget(MIB));
      const plan = () => new ImportPlan(contents, async () => undefined, undefined);
      const image = imageOf();
      await contents.add(file('a', image.bytes));
      const held = contents.file('a');
      assert.ok(held);
      const many = plan();
      const add = async (to: ImportPlan, index: number, size: number) => {
        const hex = index.toString(16).padStart(64, '0');
        await to.addManifest(Digest.of('sha256', hex), { ...held, size }, MEDIA_TYPE.ociManifest);
      };
      for (let index = 0; index < 10_000; index++) await add(many, index, image.bytes.byteLength);
      await add(many, 0, 1);
      await assert.rejects(add(many, 10_000, 1), tooLarge(/more than 10000 manifests/));
      const large = plan();
      await add(large, 1, 200 * MIB);
      await assert.rejects(add(large, 2, 100 * MIB), tooLarge(/above 268435456 bytes in all/));
    }).timeout(20_000);
  }));
