import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RegistryNode, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { Client } from './client.js';

const COUNT = 10_000;
const TAGS = Array.from({ length: COUNT }, (_, i) => tagNamed(i));
const NAMES = Array.from({ length: COUNT }, (_, i) => repositoryNamed(i));

describe('lists of ten thousand on the filesystem', function () {
  this.timeout(30_000);
  let store: TestStore;
  let node: RegistryNode;
  let client: Client;

  before(async () => {
    store = await openStore('filesystem');
    const tags = 'docker/registry/v2/repositories/many/tags/_manifests/tags';
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const tag of TAGS) write(join(store.root, tags, tag, 'current/link'), digest);
    mkdirSync(join(store.root, 'stackyard/v1/catalog'), { recursive: true });
    for (const name of NAMES)
      writeFileSync(join(store.root, 'stackyard/v1/catalog', name.replaceAll('/', '!')), '');
    node = await RegistryNode.start(store);
    client = new Client(node);
  });

  after(async () => {
    await node.close();
    await store.remove();
  });

  it('are made of distinct names, each nested in others', () => {
    assert.equal(new Set(TAGS).size, COUNT);
    assert.equal(new Set(NAMES).size, COUNT);
    assert.ok(NAMES.filter((name) => name.includes('/')).length > COUNT / 2);
  });

  it('tags: complete and in order, in one answer and by Links, with few listings', async () => {
    const sorted = [...TAGS].sort();
    const counts = await node.countOf(async () => assert.deepEqual(await client.tags('many/tags'), sorted));
    assert.deepEqual(counts, { list: Math.ceil(COUNT / 9999) });
    const paged = await node.countOf(async () => {
      const pages = await client.pages('/v2/many/tags/tags/list?n=997');
      assert.equal(pages.length, Math.ceil(COUNT / 997));
      assert.deepEqual(
        pages.flatMap((page) => (page.json() as { tags: string[] }).tags),
        sorted,
      );
    });
    assert.deepEqual(paged, {});
  });

  it('catalog: complete and in order by Links, one listing a page', async () => {
    const sorted = [...NAMES].sort(inDistributionsOrder);
    for (const n of [1000, 777]) {
      const counts = await node.countOf(async () => {
        const pages = await client.pages(`/v2/_catalog?n=${n}`);
        assert.equal(pages.length, Math.ceil(COUNT / n));
        assert.deepEqual(
          pages.flatMap((page) => (page.json() as { repositories: string[] }).repositories),
          sorted,
        );
      });
      assert.deepEqual(counts, { list: Math.ceil(COUNT / n) });
    }
    const counts = await node.countOf(async () => {
      const middle = sorted[5000] ?? '';
      const page = await client.get(`/v2/_catalog?last=${encodeURIComponent(middle)}&n=3`);
      assert.deepEqual(page.json(), { repositories: sorted.slice(5001, 5004) });
    });
    assert.deepEqual(counts, { list: 1 });
  });

  it('catalog of a shared store: the same names in the same order, from the repositories themselves', async () => {
    const shared = await openStore('filesystem');
    const some = NAMES.filter((_, i) => i % 20 === 0);
    for (const name of some) {
      mkdirSync(join(shared.root, 'docker/registry/v2/repositories', name, '_manifests/tags'), {
        recursive: true,
      });
    }
    const sharedNode = await RegistryNode.start(shared, { shared: true });
    const pages = await new Client(sharedNode).pages('/v2/_catalog?n=100');
    assert.deepEqual(
      pages.flatMap((page) => (page.json() as { repositories: string[] }).repositories),
      [...some].sort(inDistributionsOrder),
    );
    await sharedNode.close();
    await shared.remove();
  });
});

/** Distribution's: component by component, so that `/` is below every other character. */
function inDistributionsOrder(left: string, right: string): number {
  const [a, b] = [left.split('/'), right.split('/')];
  const at = a.findIndex((component, i) => component !== b[i]);
  if (at < 0) return a.length - b.length;
  const [x, y] = [a[at] ?? '', b[at]];
  if (y === undefined) return 1;
  return x < y ? -1 : 1;
}

function tagNamed(i: number): string {
  const forms = [`v${i}`, `V1.${i}`, `${i}-rc`, `_${i}`, `release-${i}.${i % 7}`, `v${i - 5}-rc`];
  return forms[i % forms.length] ?? '';
}

/** Of a few components, so that names are prefixes and parents of others, with separators on either side of `/`. */
function repositoryNamed(i: number): string {
  const forms = [
    `team${i % 50}/app${i}`,
    `team${i % 50}-x/app${i}`,
    `team${i % 50}.y/app${i}`,
    `team${i % 50}/app${i - 4}/base`,
    `team${i % 50}0/a_${i}`,
    `app${i}`,
    `app${i - 6}/sub`,
    `app${i - 7}-sub`,
  ];
  return forms[i % forms.length] ?? '';
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
