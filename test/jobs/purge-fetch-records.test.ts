import assert from 'node:assert/strict';
import { MIRROR_FETCHES_PREFIX, mirrorFetchKey, mirrorUseKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { purgeFetchRecords } from '../../src/jobs/purge-fetch-records.js';
import { listAll } from '../../src/ports/listing.js';
import { digestOf } from '../../src/registry/digester.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { DAY, FakeClock, fakeIds } from '../support/in-process.js';

const HOUR = DAY / 24;

describe('jobs/purge-fetch-records', () => {
  it('removes records that were not written for an hour, and nothing else', async () => {
    const clock = new FakeClock();
    const driver = createMemoryDriver({ clock, ids: fakeIds() });
    const name = parseRepositoryName('mirror/hub.test/app');
    const [dead, alive] = ['a', 'b'].map((text) => digestOf(Buffer.from(text)));
    assert.ok(dead && alive);
    await driver.put(mirrorFetchKey(name, dead), Buffer.from('{}'));
    await driver.put(mirrorUseKey(name, dead), Buffer.from(''));
    clock.advance(HOUR);
    await driver.put(mirrorFetchKey(name, alive), Buffer.from('{}'));
    assert.deepEqual(await purgeFetchRecords(driver, clock), { records: 0 });
    clock.advance(1);
    assert.deepEqual(await purgeFetchRecords(driver, clock), { records: 1 });
    const left: string[] = [];
    for await (const key of listAll(driver, { prefix: MIRROR_FETCHES_PREFIX })) left.push(key);
    assert.deepEqual(left, [mirrorFetchKey(name, alive)]);
    await driver.stat(mirrorUseKey(name, dead));
  });
});
