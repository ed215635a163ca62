import assert from 'node:assert/strict';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { catalogMarkerKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Invalidations } from '../../src/ports/invalidations.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { Catalog } from '../../src/registry/catalog.js';
import { inProcessBus, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { LaggingListings, withFaults } from './faulty.js';

const [A, B, C] = ['a', 'b', 'c'].map(parseRepositoryName);
assert.ok(A && B && C);
const NAMES = [A, B, C] as const;

describe('catalog', () => {
  let store: TestStore;
  beforeEach(async () => {
    store = await openStore('memory');
  });
  afterEach(() => store.remove());

  const catalogOver = (
    driver: StorageDriver = store.driver(),
    invalidations: Invalidations = noInvalidations,
  ) => new Catalog(driver, false, store.clock, invalidations, 5000);
  const namesOf = async (catalog: Catalog, limit = 100) => (await catalog.list({ limit })).items;

  it('takes a marker to be there for a minute', async () => {
    const driver = store.driver();
    let puts = 0;
    const put: StorageDriver['put'] = (...call) => ((puts += 1), driver.put(...call));
    const catalog = catalogOver(withFaults(driver, { put }));
    const mark = async () => {
      await catalog.mark(A);
      return puts;
    };
    assert.equal(await mark(), 1);
    store.clock.advance(59_999);
    assert.equal(await mark(), 1);
    await driver.delete(catalogMarkerKey(A));
    store.clock.advance(1);
    assert.equal(await mark(), 2);
    assert.ok(await catalog.isMarked(A));
    store.clock.advance(60_000);
    assert.equal(await mark(), 3, 'and so where it was there already');
    assert.equal(await mark(), 3);
  });

  it('shows what was removed neither here nor by another worker, though a listing does', async () => {
    const lag = new LaggingListings(store.driver());
    const [here, there] = inProcessBus(2);
    const one = catalogOver(lag.driver, here);
    const two = catalogOver(lag.driver, there);
    for (const name of NAMES) await one.mark(name);
    await lag.stop();
    await one.unmark(B);
    for (const catalog of [one, two]) assert.deepEqual(await namesOf(catalog), [A, C]);
    await two.mark(B);
    for (const catalog of [one, two]) assert.deepEqual(await namesOf(catalog), NAMES);
  });

  it('lets the marker decide where another server changed it since', async () => {
    const lag = new LaggingListings(store.driver());
    const here = catalogOver(lag.driver);
    const elsewhere = catalogOver(lag.driver);
    await here.mark(A);
    await lag.stop();
    await here.mark(B);
    await here.unmark(A);
    await elsewhere.unmark(B);
    await elsewhere.mark(A);
    assert.deepEqual(await namesOf(here), [A]);
    lag.catchUp();
    assert.deepEqual(await namesOf(here), [A]);
  });

  it('goes on past pages of which all was removed', async () => {
    const lag = new LaggingListings(store.driver());
    const catalog = catalogOver(lag.driver);
    for (const name of NAMES) await catalog.mark(name);
    await lag.stop();
    for (const name of [A, B]) await catalog.unmark(name);
    for (const limit of [1, 2, 3]) {
      const found: string[] = [];
      let last: string | undefined;
      do {
        const page = await catalog.list({ limit, ...(last !== undefined && { last }) });
        found.push(...page.items);
        last = page.next;
      } while (last !== undefined);
      assert.deepEqual(found, [C]);
    }
    const page = await catalog.listVisible({ limit: 1 }, () => true);
    assert.deepEqual(page, { items: [C] });
  });

  it('asks for no marker outside the page and the prefix', async () => {
    const lag = new LaggingListings(store.driver());
    let stats = 0;
    const stat: StorageDriver['stat'] = (...call) => ((stats += 1), lag.driver.stat(...call));
    const catalog = catalogOver(withFaults(lag.driver, { stat }));
    await lag.stop();
    for (const name of NAMES) await catalog.mark(name);
    assert.deepEqual((await catalog.list({ limit: 10, prefix: 'b' })).items, [B]);
    assert.equal(stats, 1);
    assert.deepEqual((await catalog.list({ limit: 10, last: 'b' })).items, [C]);
    assert.equal(stats, 2);
  });
});
