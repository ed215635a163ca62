import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Page } from '../../src/domain/page.js';
import { checked } from '../../src/storage/checked.js';
import { openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { NAME, TestUpstream, digestOf, openMirror, until } from './mirror-world.js';
import type { MirrorNode } from './mirror-world.js';

const MIB = 1024 * 1024;
const WHOLE = { limit: Number.MAX_SAFE_INTEGER };
const SUBJECT = digestOf(Buffer.from('subject'));

describe('lists of the mirror', () => {
  let store: TestStore;
  let upstream: TestUpstream;
  let node: MirrorNode;

  beforeEach(async () => {
    store = await openStore('memory');
    upstream = await TestUpstream.start();
    node = openMirror(checked(store.driver()), upstream);
  });

  afterEach(async () => {
    await node.mirror.close();
    await upstream.stop();
    await store.remove();
  });

  /** What the upstream answers for each page, counted from 0: its body and Link. */
  const listing = (page: (index: number, url: URL) => readonly [body: string, link?: string]): void => {
    let pages = 0;
    upstream.meddling = ({ url }, response) => {
      const [body, link] = page(pages++, new URL(url, 'http://x'));
      const headers = { 'Content-Type': 'application/json', ...(link !== undefined && { Link: link }) };
      response.writeHead(200, headers).end(body);
      return true;
    };
  };
  const next = (last: string): string => `</v2/x/tags/list?last=${last}>; rel="next"`;
  const tags = (...names: readonly string[]): string => JSON.stringify({ tags: names });
  const pageOf = (request: { limit: number; last?: string } = WHOLE): Promise<Page<string>> =>
    node.mirror.registry.tags.page(NAME, request);
  const referrers = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { digest } of node.mirror.registry.referrers.list(NAME, SUBJECT))
      found.push(digest.toString());
    return found;
  };
  const reasons = (): readonly unknown[] =>
    node.events.flatMap((event) => ('reason' in event ? [event.reason] : []));
  /** Nothing was pulled, so the upstream's failure is what is told. */
  const failing = async (cause: RegExp): Promise<void> => {
    await assert.rejects(pageOf(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'UNAVAILABLE');
      assert.match(String((error.cause as Error).message), cause);
      return true;
    });
    assert.deepEqual(reasons(), []);
  };

  it('hold as many tags as there are on a page', async () => {
    const body = JSON.stringify({ tags: Array.from({ length: 130_000 }, (_, index) => `v${index}`) });
    listing(() => [body]);
    assert.equal((await pageOf()).items.length, 130_000);
  });

  it('hold nothing that is no tag', async () => {
    const odd = ['v1', '', '\ud800', 'a\r\nb', 'x'.repeat(129), '-v', 7, null, { v: 1 }, ['v3'], 'v2'];
    listing(() => [JSON.stringify({ tags: odd })]);
    assert.deepEqual((await pageOf()).items, ['v1', 'v2']);
  });

  for (const none of ['{}', '{"tags":null}', '{"tags":[]}']) {
    it(`are empty by ${none}`, async () => {
      listing(() => [none]);
      assert.deepEqual(await pageOf(), { items: [] });
    });
  }

  for (const body of ['null', '[]x', '7', '"v1"', '{"tags":"v1"}', '{"tags":{"v1":1}}', '<html>', '']) {
    it(`are none by ${body === '' ? 'an empty body' : body}`, async () => {
      listing(() => [body]);
      await failing(/what up lists for library\/busybox is no list of tags/);
    });
  }

  it('have pages of at most 4 MiB', async () => {
    const body = `${tags('v1')}${' '.repeat(4 * MIB)}`;
    listing(() => [body]);
    await failing(
      /tags\/list of library\/busybox at up breaks off, or is longer than 4 MiB a page or 8 MiB in all/,
    );
  });

  it('are of at most 8 MiB in all', async () => {
    const page = `${tags('v1')}${' '.repeat(3 * MIB)}`;
    listing((index) => [page, next(`v${index}`)]);
    await failing(/8 MiB in all/);
    assert.equal(upstream.asked.length, 3);
  });

  it('do not go in a circle', async () => {
    listing(() => [tags('v1'), next('v1')]);
    await failing(/in a circle/);
    assert.equal(upstream.asked.length, 2);
  });

  it('go no further than 100 pages at once, and on from there', async () => {
    listing((index) => [tags(`v${index}`), next(`v${index}`)]);
    const page = await pageOf();
    assert.deepEqual([page.items.length, page.next, upstream.asked.length], [100, 'v99', 100]);
  });

  it('ask for the next page by what can be sent, and by nothing else of the Link', async () => {
    listing((index) =>
      index === 0 ? [tags('v1'), '<http://evil.test/?n=5&last=a b&x=y>; rel="next"'] : [tags('v2')],
    );
    assert.deepEqual((await pageOf()).items, ['v1', 'v2']);
    assert.deepEqual(upstream.asked, ['GET tags/list', 'GET tags/list?n=5&last=a+b']);
  });

  it('go on where the upstream knows no pages and lists all each time', async () => {
    listing(() => [tags('z', 'a', 'm')]);
    assert.deepEqual(await pageOf({ limit: 2 }), { items: ['z', 'a'], next: 'a' });
    assert.deepEqual(await pageOf({ limit: 2, last: 'a' }), { items: ['m'] });
  });

  /** Answers once so many ask. */
  const held = (body: string): { readonly release: () => void } => {
    const waiting: (() => void)[] = [];
    upstream.meddling = (_, response) => {
      waiting.push(() => response.writeHead(200, { 'Content-Type': 'application/json' }).end(body));
      return true;
    };
    return { release: () => waiting.splice(0).forEach((answer) => answer()) };
  };

  it('of tags are asked for once by all who ask at the same time, each by its query', async () => {
    const answers = held(tags('v1', 'v2'));
    const asking = [
      ...Array.from({ length: 50 }, () => pageOf()),
      pageOf({ limit: 1 }),
      pageOf({ limit: 1 }),
    ];
    await until(async () => upstream.asked.length >= 2);
    answers.release();
    const [first, ...others] = await Promise.all(asking);
    assert.deepEqual(first, { items: ['v1', 'v2'] });
    assert.deepEqual(others.at(-1), { items: ['v1'], next: 'v1' });
    assert.equal(upstream.asked.length, 2);
    listing(() => [tags('v3')]);
    assert.deepEqual((await pageOf()).items, ['v3']);
    const other = parseRepositoryName('mirror/up/other');
    assert.deepEqual((await node.mirror.registry.tags.page(other, WHOLE)).items, ['v3']);
  });

  const index = (...digests: readonly string[]): string => {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    return JSON.stringify({
      schemaVersion: 2,
      manifests: digests.map((digest) => ({ mediaType, digest, size: 5 })),
    });
  };
  const [one, two] = [digestOf(Buffer.from('1')).toString(), digestOf(Buffer.from('2')).toString()];

  it('of referrers are asked for once by all who ask at the same time', async () => {
    const answers = held(index(one));
    const asking = Array.from({ length: 50 }, () => referrers());
    await until(async () => upstream.asked.length > 0);
    answers.release();
    for (const found of await Promise.all(asking)) assert.deepEqual(found, [one]);
    assert.equal(upstream.asked.length, 1);
  });

  it('of referrers go from page to page, in order', async () => {
    listing((page) => (page === 0 ? [index(two), next('x')] : [index(one)]));
    assert.deepEqual(await referrers(), [one, two].sort());
  });

  for (const [title, page, asked] of [
    ['in pages that are too long', () => [`${index(one)}${' '.repeat(4 * MIB)}`] as const, 1],
    ['too long in all', (at: number) => [`${index(one)}${' '.repeat(3 * MIB)}`, next(`${at}`)] as const, 3],
    ['without an end', (at: number) => [index(one), next(`${at}`)] as const, 20],
    ['in a circle', () => [index(one), next('x')] as const, 2],
  ] as const) {
    it(`of referrers ${title} are those that were pulled`, async () => {
      listing(page);
      assert.deepEqual(await referrers(), []);
      assert.equal(upstream.asked.length, asked);
    });
  }
});
