import assert from 'node:assert/strict';
import { onEveryStore } from '../../support/in-process.js';
import { Client } from '../client.js';
import { EMPTY_JSON, imageOf, indexOf } from '../content.js';

onEveryStore('mistakes in lists', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('32. "tags": null: []', async () => {
    await client.pushBlob('blobs-only', EMPTY_JSON);
    const untagged = indexOf([]);
    await client.pushManifest('untagged', untagged.digest, untagged);
    for (const name of ['blobs-only', 'untagged']) {
      const answer = (await client.get(`/v2/${name}/tags/list`)).expect(200);
      assert.deepEqual(answer.json(), { name, tags: [] });
    }
  });

  it('33. Unknown last gives 404 or everything: strictly greater', async () => {
    await client.pushBlob('a', EMPTY_JSON);
    for (const tag of ['b', 'd', 'f']) await client.pushManifest('a', tag, imageOf());
    const after: [string, string[]][] = [
      ['a', ['b', 'd', 'f']],
      ['b', ['d', 'f']],
      ['c', ['d', 'f']],
      ['e', ['f']],
      ['f', []],
      ['zzz', []],
      ['!%20not a tag', ['b', 'd', 'f']],
    ];
    for (const [last, tags] of after) {
      for (const n of ['', '&n=10']) {
        const answer = (await client.get(`/v2/a/tags/list?last=${encodeURIComponent(last)}${n}`)).expect(200);
        assert.deepEqual(answer.json(), { name: 'a', tags }, last);
      }
    }
  });
});
