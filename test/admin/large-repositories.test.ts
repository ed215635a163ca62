import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  revisionLinkKey,
  blobDataKey,
  catalogMarkerKey,
  tagCurrentKey,
  type Key,
} from '../../src/domain/keys.js';
import type { Digest } from '../../src/domain/digest.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { digestOf } from '../../src/registry/digester.js';
import { imageOf } from '../http/content.js';
import { A, ImageWorld, byDigest } from './image-world.js';

const COUNT = 10_000;
const PAGE = 100;
/** Only to tell: how long a call took with nothing remembered, and then again. */
const times: string[] = [];

for (const store of ['memory', 'filesystem'] as const) {
  describe(`large repositories [${store}]`, function () {
    this.timeout(120_000);
    let world: ImageWorld;
    before(async () => {
      world = await ImageWorld.open(store);
    });
    after(async () => {
      await world.store.remove();
      for (const line of times.splice(0)) console.log(`        ${line}`);
    });

    /** Without the syncs of a driver: what takes long is not what is shown here. */
    async function write(key: Key, text: string | Buffer): Promise<void> {
      const { root } = world.store;
      const bytes = Buffer.from(text);
      if (root === '') await world.driver.put(key, bytes);
      else {
        mkdirSync(dirname(join(root, key)), { recursive: true });
        writeFileSync(join(root, key), bytes);
      }
    }

    async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
      const begin = process.hrtime.bigint();
      const answer = await work();
      times.push(`${what}: ${Number((process.hrtime.bigint() - begin) / 10_000n) / 100} ms`);
      return answer;
    }

    const nameOf = (at: number) => `v${String(at).padStart(5, '0')}`;

    it('10,000 tags of 1,000 manifests are shown page by page', async () => {
      const digests: Digest[] = [];
      for (let at = 0; at < 1000; at++) {
        const { bytes } = imageOf([], { annotations: { at: String(at) } });
        const digest = digestOf(bytes);
        digests.push(digest);
        await write(blobDataKey(digest), bytes);
        await write(revisionLinkKey(A, digest), digest.toString());
      }
      for (let at = 0; at < COUNT; at++)
        await write(tagCurrentKey(A, parseTag(nameOf(at))), String(digests[at % 1000]));
      const fresh = world.another();
      const page = (last?: string) => () =>
        timed(`tags${last === undefined ? '' : ` after ${last}`}`, () =>
          fresh.repositories.tags(A, { limit: PAGE, ...(last !== undefined && { last }) }),
        );
      const first = await fresh.countOf(page());
      assert.deepEqual(first, { list: 2, get: PAGE, read: PAGE });
      const middle = await fresh.countOf(page(nameOf(5499)));
      assert.deepEqual(middle, { get: PAGE, read: PAGE });
      assert.deepEqual(await fresh.countOf(page(nameOf(5999))), { get: PAGE }, 'manifests in memory');
      const { items, next } = await page(nameOf(9899))();
      assert.deepEqual([items.length, items[0]?.name, next], [PAGE, nameOf(9900), undefined]);
      assert.equal((await timed('find', () => fresh.repositories.find(A))).tags, COUNT);
      const [digest] = digests;
      assert.ok(digest);
      const other = world.another();
      await timed('inspect', () => other.repositories.manifest(A, byDigest(digest.toString())));
      await timed('a tag', () => world.another().repositories.tag(A, parseTag(nameOf(7))));
      const again = world.another();
      await timed('manifests', () => again.repositories.manifests(A, { limit: PAGE }));
      const revisions = await again.countOf(() => again.repositories.manifests(A, { limit: PAGE }));
      assert.deepEqual(revisions, { list: 1 }, 'all in memory');
    });

    it('10,000 repositories are listed page by page, and below a prefix', async () => {
      const repositoryOf = (at: number) => `r/${nameOf(at).slice(0, 3)}/${nameOf(at)}`;
      for (let at = 0; at < COUNT; at++)
        await write(catalogMarkerKey(parseRepositoryName(repositoryOf(at))), '');
      const fresh = world.another();
      const list = (prefix?: string, last?: string) =>
        timed(`list ${prefix ?? ''} ${last ?? ''}`, () =>
          fresh.repositories.list(
            { limit: PAGE, ...(prefix !== undefined && { prefix }), ...(last !== undefined && { last }) },
            () => true,
          ),
        );
      const calls = [
        () => list(),
        () => list(undefined, repositoryOf(5000)),
        () => list('r/v05/'),
        () => list('r/v05/', repositoryOf(5000)),
      ];
      for (const call of calls) {
        assert.deepEqual(await fresh.countOf(call), { list: 1 });
        const { items, next } = await call();
        assert.deepEqual([items.length, next], [PAGE, items.at(-1)?.name]);
      }
      const found = await list('r/v05/', repositoryOf(5899));
      assert.deepEqual([found.items.length, found.next], [PAGE, undefined]);
      assert.equal(found.items[0]?.name, repositoryOf(5900));
      const some = await fresh.countOf(() =>
        fresh.repositories.list({ limit: PAGE }, (name) => name.endsWith('9')),
      );
      assert.deepEqual(some, { list: 2 }, 'where most are hidden');
    });
  });
}
