import assert from 'node:assert/strict';
import type { Key } from '../../src/domain/keys.js';
import type { ListOptions, Listing, StorageDriver } from '../../src/ports/storage-driver.js';
import { chunked, randomFrom } from './bodies.js';
import { rejectsWith, type Subject } from './subject.js';

const PREFIX = 'docker/registry/v2/suite/';

/** Names at whose places in an order something can go wrong. */
const NAMES = [
  'a',
  'b',
  'a-',
  'a-b',
  'a.b',
  'a!',
  'a0',
  'ab',
  'A',
  '_a',
  'z',
  'é',
  '\uff21',
  '\u{1f980}',
  ' ',
];

export function listingCases(subject: () => Subject): void {
  async function put(names: readonly string[]): Promise<void> {
    const keys = names.map((name) => subject().key(name));
    const rest = keys.values();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (const key of rest) await subject().driver.put(key, Buffer.from(key.slice(PREFIX.length)));
      }),
    );
  }

  /** Entries of all pages, without PREFIX. */
  async function names(options: Partial<ListOptions> & { below?: string }): Promise<string[]> {
    const { below = '', ...others } = options;
    const pages = await allPages(subject().driver, { limit: 100, ...others, prefix: PREFIX + below });
    return pages.flatMap(entriesOf).map((entry) => entry.slice(PREFIX.length));
  }

  it('lists nothing where nothing is', async () => {
    for (const delimiter of [undefined, '/'] as const) {
      const options = delimiter === undefined ? {} : { delimiter };
      const listing = await subject().driver.list({ prefix: `${PREFIX}nothing/`, limit: 10, ...options });
      assert.deepEqual(listing, { objects: [], prefixes: [] });
    }
  });

  it('orders by the bytes of whole keys, directories or not', async () => {
    await put(['a/z', 'a-b', 'a.b', 'a0', 'a!', 'ab/c', 'ab-', 'A', 'é', '\uff21/x', '\u{1f980}']);
    const expected = ['A', 'a!', 'a-b', 'a.b', 'a/z', 'a0', 'ab-', 'ab/c', 'é', '\uff21/x', '\u{1f980}'];
    await subject().listed(async () => assert.deepEqual(await names({}), expected));
    const folded = expected.map((name) => name.replace(/\/.*/, '/'));
    assert.deepEqual(await names({ delimiter: '/' }), folded);
    assert.deepEqual(await names({ delimiter: '/', limit: 1 }), folded);
  });

  it('takes a prefix that ends within a name or is one', async () => {
    await put(['t/v1', 't/v1-rc', 't/v10/x', 't/v2/x', 't/w', 'tt']);
    await subject().listed(async () => {
      assert.deepEqual(await names({ below: 't/v1' }), ['t/v1', 't/v1-rc', 't/v10/x']);
    });
    assert.deepEqual(await names({ below: 't/v', delimiter: '/' }), ['t/v1', 't/v1-rc', 't/v10/', 't/v2/']);
    assert.deepEqual(await names({ below: 't/v1-rc' }), ['t/v1-rc']);
    assert.deepEqual(await names({ below: 't/v2', delimiter: '/' }), ['t/v2/']);
    assert.deepEqual(await names({ below: 't/v2/', delimiter: '/' }), ['t/v2/x']);
    assert.deepEqual(await names({ below: 't' }), ['t/v1', 't/v1-rc', 't/v10/x', 't/v2/x', 't/w', 'tt']);
    assert.deepEqual(await names({ below: 't/v1-rc/' }), []);
  });

  it('passes over a folded subtree that startAfter names', async () => {
    await put(['p/a/1', 'p/a/2', 'p/a0', 'p/b/1']);
    const after = (name: string): Partial<ListOptions> => ({ startAfter: PREFIX + name, delimiter: '/' });
    await subject().listed(async () => {
      assert.deepEqual(await names({ below: 'p/', ...after('p/a/') }), ['p/a0', 'p/b/']);
    });
    assert.deepEqual(await names({ below: 'p/', ...after('p/a') }), ['p/a/', 'p/a0', 'p/b/']);
    assert.deepEqual(await names({ below: 'p/', ...after('p/b/') }), []);
    assert.deepEqual(await names({ below: 'p/', startAfter: `${PREFIX}p/a/1` }), ['p/a/2', 'p/a0', 'p/b/1']);
    assert.deepEqual(await names({ below: 'p/', startAfter: PREFIX }), ['p/a/1', 'p/a/2', 'p/a0', 'p/b/1']);
    assert.deepEqual(await names({ below: 'p/', startAfter: `${PREFIX}q` }), []);
  });

  it('tells the size and key of what it lists', async () => {
    await put(['s/longer-name', 's/x']);
    await subject().listed(async () => {
      const { objects } = await subject().driver.list({ prefix: `${PREFIX}s/`, limit: 10 });
      assert.deepEqual(
        objects.map(({ key, size }) => [key, size]),
        [
          [`${PREFIX}s/longer-name`, 13],
          [`${PREFIX}s/x`, 3],
        ],
      );
    });
  });

  it('says whether there is more', async () => {
    await put(['m/1', 'm/2', 'm/3/x', 'm/3/y']);
    const page = (limit: number): Promise<Listing> =>
      subject().driver.list({ prefix: `${PREFIX}m/`, delimiter: '/', limit });
    await subject().listed(async () => assert.equal((await page(2)).next, `${PREFIX}m/2`));
    assert.equal((await page(3)).next, undefined);
    assert.equal((await page(4)).next, undefined);
  });

  it('goes on after a key that was deleted between pages', async () => {
    await put(['g/1/x', 'g/2/x', 'g/3/x', 'g/4/x']);
    const options = { prefix: `${PREFIX}g/`, limit: 2 };
    await subject().listed(async () => {
      assert.equal((await subject().driver.list({ ...options, limit: 10 })).objects.length, 4);
    });
    const first = await subject().driver.list(options);
    for (const { key } of first.objects) await subject().driver.delete(key);
    assert.ok(first.next);
    const second = await subject().driver.list({ ...options, startAfter: first.next });
    assert.deepEqual(entriesOf(second), [`${PREFIX}g/3/x`, `${PREFIX}g/4/x`]);
  });

  it('shows nothing of what was deleted', async () => {
    await put(['x/y/1', 'x/y/2', 'x/z/1']);
    await subject().driver.delete(subject().key('x/y/1'));
    await subject().driver.delete(subject().key('x/y/2'));
    await subject().listed(async () => {
      assert.deepEqual(await names({ below: 'x/', delimiter: '/' }), ['x/z/']);
    });
    await subject().driver.deleteMany([subject().key('x/z/1')]);
    await subject().listed(async () => assert.deepEqual(await names({ delimiter: '/' }), []));
  });

  it('shows nothing of uploads', async () => {
    await subject().driver.segments.append(subject().set(), [], chunked(Buffer.from('x')));
    assert.deepEqual(await names({}), []);
    const roots = ['docker/registry/v2/', 'stackyard/v1/'];
    for (const prefix of roots) {
      assert.deepEqual(await subject().driver.list({ prefix, limit: 10 }), { objects: [], prefixes: [] });
    }
  });

  it('refuses prefixes that no key can have', async () => {
    for (const prefix of [
      '',
      'docker/',
      '/',
      'stackyard/tmp/',
      `${PREFIX}/a`,
      `${PREFIX}../`,
      `${PREFIX}a\0`,
    ]) {
      await rejectsWith(subject().driver.list({ prefix, limit: 1 }), 'INVALID_KEY');
    }
  });

  it('agrees with a simple model on random trees', async function () {
    this.timeout(60_000);
    const random = randomFrom(20);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const tree = randomTree(random, 1200);
    await put(tree);
    const keys = tree.map((name) => PREFIX + name);
    await subject().listed(async () => assert.equal((await names({ limit: 1000 })).length, keys.length));
    for (let i = 0; i < 150; i++) {
      const some = pick(keys);
      const prefix = some.slice(
        0,
        PREFIX.length + Math.floor(random() * random() * (some.length - PREFIX.length)),
      );
      const folded = random() < 0.5;
      const options: ListOptions = {
        prefix: isCutPair(prefix) ? PREFIX : prefix,
        limit: 1 + Math.floor(random() * random() * 400),
        ...(folded ? { delimiter: '/' as const } : {}),
      };
      const all = expected(keys, options);
      const startAfter = random() < 0.5 ? pick(all) : undefined;
      const from = startAfter === undefined ? options : { ...options, startAfter };
      const want = startAfter === undefined ? all : all.slice(all.indexOf(startAfter) + 1);
      const pages = await allPages(subject().driver, from);
      assert.deepEqual(pages.flatMap(entriesOf), want, JSON.stringify(from));
      for (const page of pages.slice(0, -1)) {
        assert.equal(page.objects.length + page.prefixes.length, options.limit);
      }
    }
  });
}

async function allPages(driver: StorageDriver, options: ListOptions): Promise<Listing[]> {
  const pages: Listing[] = [];
  for (let startAfter = options.startAfter; ;) {
    const page = await driver.list(startAfter === undefined ? options : { ...options, startAfter });
    assert.ok(page.objects.length + page.prefixes.length <= options.limit);
    pages.push(page);
    if (page.next === undefined) return pages;
    assert.equal(page.next, entriesOf(page).at(-1));
    startAfter = page.next;
  }
}

/** Objects and prefixes in one; each of the two lists must be in order by itself. */
function entriesOf({ objects, prefixes }: Listing): string[] {
  const keys: Key[] = objects.map(({ key }) => key);
  assert.deepEqual(keys, [...keys].sort(byBytes));
  assert.deepEqual(prefixes, [...prefixes].sort(byBytes));
  return [...keys, ...prefixes].sort(byBytes);
}

function expected(keys: readonly string[], { prefix, delimiter }: ListOptions): string[] {
  const entries = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      return cut < 0 ? key : key.slice(0, cut + 1);
    });
  return [...new Set(entries)].sort(byBytes);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isCutPair(text: string): boolean {
  return /[\ud800-\udbff]$/.test(text);
}

/** Names of which none lies below another: a file cannot be a directory as well. */
function randomTree(random: () => number, count: number): string[] {
  const files = new Set<string>();
  const directories = new Set<string>();
  while (files.size < count) {
    const depth = 1 + Math.floor(random() * 4);
    const parts = Array.from({ length: depth }, () => {
      const name = NAMES[Math.floor(random() * NAMES.length)] ?? 'a';
      return random() < 0.5 ? name : name + (NAMES[Math.floor(random() * NAMES.length)] ?? 'a');
    });
    const name = parts.join('/');
    const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
    if (directories.has(name) || above.some((directory) => files.has(directory))) continue;
    files.add(name);
    for (const directory of above) directories.add(directory);
  }
  return [...files];
}
