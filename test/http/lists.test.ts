import assert from 'node:assert/strict';
import { onEveryStore } from '../support/in-process.js';
import { Client } from './client.js';
import type { Answer } from './client.js';
import { EMPTY_JSON, imageOf, indexOf } from './content.js';

const namesOf = (answer: Answer): readonly string[] =>
  (answer.json() as { repositories: string[] }).repositories;
const tagsOf = (answer: Answer): readonly string[] => (answer.json() as { tags: string[] }).tags;

onEveryStore('lists', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('tags are in order of code units and paged by n and last', async () => {
    const tags = ['10', '9', 'A', 'Z', '_x', 'a', 'a-1', 'a.1', 'a_1', 'v1', 'v1-rc', 'v1.0'];
    await client.pushManifest('a', indexOf([]).digest, indexOf([]));
    for (const tag of [...tags].reverse()) await client.pushManifest('a', tag, indexOf([]));
    const sorted = [...tags].sort();
    assert.deepEqual(await client.tags('a'), sorted);
    for (const n of [1, 5, 12, 13]) {
      const pages = await client.pages(`/v2/a/tags/list?n=${n}`);
      assert.deepEqual(pages.flatMap(tagsOf), sorted);
      assert.equal(pages.length, Math.ceil(tags.length / n));
      for (const page of pages.slice(0, -1)) assert.equal(tagsOf(page).length, n);
    }
    const none = (await client.get('/v2/a/tags/list?n=0')).expect(200);
    assert.deepEqual([none.json(), none.headers.link], [{ name: 'a', tags: [] }, undefined]);
    assert.deepEqual(tagsOf(await client.get('/v2/a/tags/list?n=2&last=a-1')), ['a.1', 'a_1']);
  });

  it('a list of tags shows a change at once', async () => {
    await client.pushManifest('a', 'one', indexOf([]));
    assert.deepEqual(await client.tags('a'), ['one']);
    await client.pushManifest('a', 'two', indexOf([]));
    assert.deepEqual(await client.tags('a'), ['one', 'two']);
    (await client.call('DELETE', '/v2/a/manifests/one')).expect(202);
    assert.deepEqual(await client.tags('a'), ['two']);
    await client.pushBlob('a', EMPTY_JSON);
    (await client.call('DELETE', `/v2/a/manifests/${indexOf([]).digest}`)).expect(202);
    assert.deepEqual(await client.tags('a'), []);
  });

  it('the catalog has every repository from its first blob, mount or manifest on, / below all else', async () => {
    const names = ['a', 'a/b', 'a/b/c', 'a-b', 'a.b', 'a0', 'ab', 'a_b/c', 'b', 'b/a'];
    const ordered = [...names].sort((x, y) => (x.replaceAll('/', '\0') < y.replaceAll('/', '\0') ? -1 : 1));
    const digest = await client.pushBlob('a', EMPTY_JSON);
    for (const name of names.slice(1, 5)) {
      (await client.call('POST', `/v2/${name}/blobs/uploads/?mount=${digest}&from=a`)).expect(201);
    }
    for (const name of names.slice(5)) await client.pushManifest(name, 't', indexOf([]));
    await client.openUpload('opened/only');
    assert.deepEqual(namesOf(await client.get('/v2/_catalog')), ordered);
    for (const n of [1, 3, 10, 11]) {
      const pages = await client.pages(`/v2/_catalog?n=${n}`);
      assert.deepEqual(pages.flatMap(namesOf), ordered);
      assert.equal(pages.length, Math.ceil(names.length / n));
    }
    assert.deepEqual(
      namesOf(await client.get('/v2/_catalog?last=a/b')),
      ordered.slice(ordered.indexOf('a/b') + 1),
    );
    assert.deepEqual(namesOf(await client.get('/v2/_catalog?last=a/zzz&n=1')), [
      ordered[ordered.indexOf('a/b/c') + 1],
    ]);
    assert.deepEqual(namesOf(await client.get('/v2/_catalog?n=0')), []);
    assert.deepEqual(namesOf(await client.get('/v2/_catalog?last=zz')), []);
  });

  it('a catalog without n has 100 a page, an empty one is []', async () => {
    assert.deepEqual((await client.get('/v2/_catalog')).json(), { repositories: [] });
    for (let i = 0; i < 101; i++) await client.pushManifest(`r${i}`, 't', indexOf([]));
    const pages = await client.pages('/v2/_catalog');
    assert.deepEqual(
      pages.map((page) => namesOf(page).length),
      [100, 1],
    );
  });
});

onEveryStore(
  'lists beyond the largest page',
  (bench) => {
    it('a larger n is cut to it, with a Link', async () => {
      const client = new Client(bench().node);
      for (const tag of ['a', 'b', 'c', 'd', 'e']) await client.pushManifest('r', tag, indexOf([]));
      const pages = await client.pages('/v2/r/tags/list?n=1000');
      assert.deepEqual(pages.map(tagsOf), [['a', 'b'], ['c', 'd'], ['e']]);
      assert.deepEqual((await client.pages('/v2/r/tags/list')).map(tagsOf), [['a', 'b', 'c', 'd', 'e']]);
      await client.pushBlob('r', EMPTY_JSON);
      const subject = { mediaType: 'x/y', digest: indexOf([]).digest, size: 1 };
      for (const note of ['1', '2', '3']) {
        const manifest = imageOf([], { subject, annotations: { note } });
        await client.pushManifest('r', manifest.digest, manifest);
      }
      assert.equal((await client.pages(`/v2/r/referrers/${subject.digest}?n=50`)).length, 2);
    });
  },
  { maxPageSize: 2 },
);
