import assert from 'node:assert/strict';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { digestOf } from '../../src/registry/digester.js';
import { TagStore } from '../../src/registry/tag-store.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { onEveryStore } from '../support/in-process.js';
import { withFaults } from './faulty.js';

const NAME = parseRepositoryName('a');
const DIGEST = digestOf(Buffer.from('x'));
const ALL = { limit: 1000 };

onEveryStore('registry/tag-store', (bench) => {
  it('does not take a tag for gone that its store did not find while it was moved', async () => {
    const driver = bench().store.driver();
    let missed = 0;
    const gap = withFaults(driver, {
      read: (key, options) =>
        key.endsWith('/current/link') && missed++ === 0
          ? Promise.reject(new StorageError('NOT_FOUND', 'just now'))
          : driver.read(key, options),
    });
    const tags = new TagStore(gap, bench().store.clock, noInvalidations, 0);
    await tags.put(NAME, parseTag('one'), DIGEST);
    assert.ok((await tags.resolve(NAME, parseTag('one'))).equals(DIGEST));
    assert.equal(missed, 2);
    await assert.rejects(tags.resolve(NAME, parseTag('two')), { code: 'MANIFEST_UNKNOWN' });
  });

  it('does not remember a list that was read while a tag changed', async () => {
    const driver = bench().store.driver();
    const tags = new TagStore(driver, bench().store.clock, noInvalidations, 60_000);
    await tags.put(NAME, parseTag('one'), DIGEST);
    const list = driver.list.bind(driver);
    driver.list = async (options) => {
      const listing = await list(options);
      driver.list = list;
      await tags.put(NAME, parseTag('two'), DIGEST);
      return listing;
    };
    await tags.page(NAME, ALL);
    assert.deepEqual((await tags.page(NAME, ALL)).items, ['one', 'two']);
  });

  it('shares one listing among all who ask while another runs, and shows none of them an older one', async () => {
    const driver = bench().store.driver();
    const tags = new TagStore(driver, bench().store.clock, noInvalidations, 0);
    await tags.put(NAME, parseTag('one'), DIGEST);
    const list = driver.list.bind(driver);
    let listings = 0;
    driver.list = async (options) => {
      listings += 1;
      return list(options);
    };
    const pages = await Promise.all(Array.from({ length: 16 }, () => tags.page(NAME, ALL)));
    assert.equal(listings, 2);
    for (const { items } of pages) assert.deepEqual(items, ['one']);
  });

  it("a tag's pointer goes last when it is removed, so that no ghost is left", async () => {
    const driver = bench().store.driver();
    const tags = new TagStore(driver, bench().store.clock, noInvalidations, 0);
    await tags.put(NAME, parseTag('one'), DIGEST);
    await tags.put(NAME, parseTag('one'), digestOf(Buffer.from('y')));
    const remove = driver.delete.bind(driver);
    let left: readonly string[] = [];
    driver.delete = async (key, options) => {
      left = (await driver.list({ prefix: 'docker/registry/v2/repositories/a/', limit: 10 })).objects.map(
        (o) => o.key,
      );
      await remove(key, options);
    };
    await tags.delete(NAME, parseTag('one'));
    assert.deepEqual(left, ['docker/registry/v2/repositories/a/_manifests/tags/one/current/link']);
    assert.deepEqual(await tags.list(NAME), []);
  });
});
