import assert from 'node:assert/strict';
import { inProcessBus, onStore } from '../support/in-process.js';
import { Client } from '../http/client.js';
import { EMPTY_JSON, imageOf, indexOf } from '../http/content.js';
import { LaggingListings } from './faulty.js';

const IMAGE = imageOf([]);
const OTHER = imageOf([], { annotations: { other: 'yes' } });

describe('listings that lag behind the store', () => {
  onStore('memory', (bench) => {
    let lag: LaggingListings;
    let one: Client;
    let two: Client;
    /** Of another server. */
    let elsewhere: Client;
    beforeEach(async () => {
      lag = new LaggingListings(bench().store.driver());
      const { driver } = lag;
      const [here, there] = inProcessBus(2);
      assert.ok(here && there);
      one = new Client(await bench().another({ driver, invalidations: here }));
      two = new Client(await bench().another({ driver, invalidations: there, cacheMaxAge: 0 }));
      elsewhere = new Client(await bench().another({ driver, cacheMaxAge: 0 }));
      await one.pushBlob('a', EMPTY_JSON);
      await one.pushManifest('a', 'old', IMAGE);
      await one.pushManifest('a', 'kept', OTHER);
      await lag.stop();
    });

    it('a tag that this server sets or deletes is shown so by all of its workers', async () => {
      await one.pushManifest('a', 'new', IMAGE);
      (await one.call('DELETE', '/v2/a/manifests/old')).expect(202);
      for (const client of [one, two]) assert.deepEqual(await client.tags('a'), ['kept', 'new']);
      (await two.call('DELETE', '/v2/a/manifests/new')).expect(202);
      await two.pushManifest('a', 'old', OTHER);
      for (const client of [one, two]) assert.deepEqual(await client.tags('a'), ['kept', 'old']);
      lag.catchUp();
      for (const client of [one, two]) assert.deepEqual(await client.tags('a'), ['kept', 'old']);
    });

    it('a tag that another server deletes or sets again is shown so', async () => {
      await two.pushManifest('a', 'new', IMAGE);
      (await two.call('DELETE', '/v2/a/manifests/old')).expect(202);
      (await elsewhere.call('DELETE', '/v2/a/manifests/new')).expect(202);
      await elsewhere.pushManifest('a', 'old', OTHER);
      assert.deepEqual(await two.tags('a'), ['kept', 'old']);
      lag.catchUp();
      assert.deepEqual(await two.tags('a'), ['kept', 'old']);
    });

    it('no request is made of a tag on which listing and memory agree', async () => {
      await one.pushManifest('a', 'new', IMAGE);
      lag.catchUp();
      assert.deepEqual(await one.node.countOf(() => one.tags('a')), { list: 1 });
    });

    it('a tag that another server changed since is asked for, and once more where it is not found', async () => {
      await two.pushManifest('a', 'new', IMAGE);
      lag.catchUp();
      (await elsewhere.call('DELETE', '/v2/a/manifests/new')).expect(202);
      assert.deepEqual(await two.node.countOf(() => two.tags('a')), { list: 1, read: 2 });
      assert.deepEqual(await two.node.countOf(() => two.tags('a')), { list: 1 });
    });

    it('deleting a manifest removes the tag that was set a moment ago, by whichever worker', async () => {
      await two.pushManifest('a', 'new', IMAGE);
      (await one.call('DELETE', `/v2/a/manifests/${IMAGE.digest}`)).expect(202);
      for (const tag of ['new', 'old']) (await elsewhere.head(`/v2/a/manifests/${tag}`)).expect(404);
      lag.catchUp();
      assert.deepEqual(await elsewhere.tags('a'), ['kept']);
    });

    it('the catalog shows a new repository, once, in its place and on its page', async () => {
      for (const name of ['b', 'a/b', 'a-b']) await one.pushManifest(name, 'x', indexOf([]));
      const all = ['a', 'a/b', 'a-b', 'b'];
      for (let turn = 1; turn <= 2; turn++) {
        for (const client of [one, two]) {
          for (const n of [1, 2, 3, 4, 100]) {
            const pages = await client.pages(`/v2/_catalog?n=${n}`);
            assert.equal(pages.length, Math.ceil(all.length / n));
            assert.deepEqual(
              pages.flatMap((page) => (page.json() as { repositories: string[] }).repositories),
              all,
            );
          }
        }
        lag.catchUp();
      }
    });
  });
});
