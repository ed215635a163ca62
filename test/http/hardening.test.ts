import assert from 'node:assert/strict';
import { blobDataKey, layerLinkKey, tagIndexKey } from '../../src/domain/keys.js';
import { Digest } from '../../src/domain/digest.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import type { Answer } from './client.js';
import { bytesOf, indexOf } from './content.js';

onEveryStore('found by attack', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('a repository may be called as a member that every object has', async () => {
    for (const name of ['constructor', 'valueof/tostring']) {
      (await client.get(`/v2/${name}/tags/list`)).expect(404);
      await client.pushManifest(name, 'v1', indexOf([]));
      for (let turn = 0; turn < 2; turn++) {
        assert.deepEqual((await client.get(`/v2/${name}/tags/list`)).json(), { name, tags: ['v1'] });
      }
    }
  });

  it('a server that is full still tells that it runs and is ready', async () => {
    const node = await bench().another({ maxInFlight: 1, tokens: () => undefined });
    const full = new Client(node);
    const wire = (await full.connect()).head('GET /token HTTP/1.1');
    const asked: Promise<Answer>[] = [];
    const ask = (): Promise<Answer> => {
      asked.push(full.get('/v2/'));
      return asked.at(-1) as Promise<Answer>;
    };
    // Of two that come while one is handled the first waits.
    while ((await Promise.race([ask(), ask()])).status !== 503)
      await new Promise((done) => setImmediate(done));
    for (const path of ['/healthz', '/readyz']) (await full.get(path)).expect(200);
    wire.destroy();
    await Promise.all(asked);
  });

  it('an upload id has one spelling', async () => {
    const location = await client.openUpload('a');
    const [path = ''] = location.split('?', 1);
    (await client.get(path)).expect(204);
    for (const ending of ['=', '%0d%0a', '%22%3E', '%20', '!!']) {
      (await client.get(path + ending)).expect(404);
      (await client.call('PATCH', path + ending, { body: 'x' })).expect(404);
    }
  });

  it('a push rewrites a link that holds nothing', async () => {
    const bytes = bytesOf(5000, 1);
    const digest = Digest.parse(digestOf(bytes));
    await client.pushBlob('a', bytes);
    const driver = bench().store.driver();
    await driver.put(layerLinkKey(parseRepositoryName('a'), digest), new Uint8Array());
    const other = new Client(await bench().another({ cacheMaxAge: 0 }));
    (await other.get(`/v2/a/blobs/${digest.toString()}`)).expect(503);
    await other.pushBlob('a', bytes);
    assert.ok((await other.get(`/v2/a/blobs/${digest.toString()}`)).expect(200).body.equals(bytes));
  });

  it('a manifest whose bytes went bad can be deleted, and is mended by a push', async () => {
    const index = indexOf([]);
    const digest = Digest.parse(index.digest);
    await client.pushManifest('a', 'v1', index);
    const bad = Buffer.from(index.bytes);
    bad[0] = bad[0] === 0x7b ? 0x5b : 0x7b;
    const driver = bench().store.driver();
    await driver.put(blobDataKey(digest), bad);
    const mending = new Client(await bench().another({ cacheMaxAge: 0 }));
    (await mending.get('/v2/a/manifests/v1')).expect(500);
    await mending.pushManifest('a', 'v1', index);
    const later = new Client(await bench().another({ cacheMaxAge: 0 }));
    assert.ok((await later.get('/v2/a/manifests/v1')).expect(200).body.equals(index.bytes));
    await driver.put(blobDataKey(digest), bad);
    const deleting = new Client(await bench().another({ cacheMaxAge: 0 }));
    (await deleting.call('DELETE', `/v2/a/manifests/${digest.toString()}`)).expect(202);
  });

  for (const size of [5000, 150_000]) {
    it(`a truncated blob of ${size} bytes is replaced by a whole push that is held, else by the second`, async () => {
      const bytes = bytesOf(size, 2);
      const digest = digestOf(bytes);
      await client.pushBlob('a', bytes);
      const driver = bench().store.driver();
      await driver.put(blobDataKey(Digest.parse(digest)), bytes.subarray(0, 4000));
      const other = new Client(await bench().another({ cacheMaxAge: 0 }));
      const push = () => other.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: bytes });
      if (size > driver.limits.inlineBytes) (await push()).expect(503);
      (await push()).expect(201);
      assert.ok((await other.get(`/v2/a/blobs/${digest}`)).expect(200).body.equals(bytes));
    });
  }

  it('a blob that changed its size under a cached answer is an error, never other bytes', async () => {
    const bytes = bytesOf(5000, 3);
    const digest = digestOf(bytes);
    await client.pushBlob('a', bytes);
    const longer = Buffer.concat([bytes, Buffer.from('HTTP/1.1 200 OK\r\n\r\n')]);
    await bench()
      .store.driver()
      .put(blobDataKey(Digest.parse(digest)), longer);
    (await client.get(`/v2/a/blobs/${digest}`)).expect(503);
  });

  it('a tag that only has a history can be deleted', async () => {
    await client.pushManifest('a', 'v1', indexOf([]));
    const name = parseRepositoryName('a');
    const digest = Digest.parse(indexOf([]).digest);
    const ghost = tagIndexKey(name, parseTag('ghost'), digest);
    await bench().store.driver().put(ghost, Buffer.from(digest.toString()));
    const other = new Client(await bench().another());
    assert.deepEqual((await other.get('/v2/a/tags/list')).json(), { name: 'a', tags: ['ghost', 'v1'] });
    (await other.call('DELETE', '/v2/a/manifests/ghost')).expect(202);
    assert.deepEqual((await other.get('/v2/a/tags/list')).json(), { name: 'a', tags: ['v1'] });
    (await other.call('DELETE', '/v2/a/manifests/ghost')).expect(404);
  });

  it('a deletion leaves alone the tags that are moved while it runs', async () => {
    const doomed = indexOf([]);
    const bytes = Buffer.concat([doomed.bytes, Buffer.from('\n')]);
    const kept = { ...doomed, bytes, digest: digestOf(bytes) };
    const tags = Array.from({ length: 60 }, (_, i) => `t${i}`);
    for (const tag of tags) await client.pushManifest('a', tag, doomed);
    const deletion = client.call('DELETE', `/v2/a/manifests/${doomed.digest}`);
    const moved = tags.filter((_, i) => i % 3 === 0);
    await Promise.all(moved.map((tag) => client.pushManifest('a', tag, kept)));
    (await deletion).expect(202);
    for (const tag of moved) {
      assert.ok((await client.get(`/v2/a/manifests/${tag}`)).expect(200).body.equals(bytes), tag);
    }
  });
});
