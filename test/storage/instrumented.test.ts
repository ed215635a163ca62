import assert from 'node:assert/strict';
import { listedKey } from '../../src/domain/keys.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { StorageOperation } from '../../src/ports/telemetry.js';
import { instrumented } from '../../src/storage/instrumented.js';
import { chunked, collect, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { memoryFixture, testClock, testIds } from '../storage-drivers/memory-fixture.js';

function counted(driver: StorageDriver): { driver: StorageDriver; requests: StorageOperation[] } {
  const requests: StorageOperation[] = [];
  const telemetry = { storageRequest: (operation: StorageOperation) => void requests.push(operation) };
  return { driver: instrumented(driver, telemetry), requests };
}

describeDriver('memory, instrumented', () => memoryFixture((driver) => counted(driver).driver), {
  oneProcess: true,
});

describe('instrumented driver', () => {
  const key = listedKey('stackyard/v1/key');
  const memory = (): StorageDriver => createMemoryDriver({ clock: testClock, ids: testIds() });

  it('tells of each request once, by its name, in order', async () => {
    const { driver, requests } = counted(memory());
    const bytes = Buffer.from('x');
    await driver.put(key, bytes);
    await driver.stat(key);
    await driver.read(key);
    await collect((await driver.get(key)).body);
    await driver.isDamaged(key);
    await driver.list({ prefix: key, limit: 1 });
    await driver.signedUrl(key, { method: 'GET', expiresAt: new Date(0) });
    await driver.delete(key);
    await driver.deleteMany([key, key]);
    await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: 1 });
    const segments = await driver.segments.append('set', [], chunked(bytes));
    await collect(driver.segments.read('set', segments));
    await driver.segments.commit('set', segments, listedKey('stackyard/v1/other'));
    await driver.segments.remove('set');
    await driver.segments.list({ limit: 1 });
    await driver.close();
    assert.deepEqual(requests, [
      'put',
      'stat',
      'read',
      'get',
      'isDamaged',
      'list',
      'signedUrl',
      'delete',
      'deleteMany',
      'putVerified',
      'segments.append',
      'segments.read',
      'segments.commit',
      'segments.remove',
      'segments.list',
    ]);
  });

  it('tells of requests that fail as well', async () => {
    const { driver, requests } = counted(memory());
    await rejectsWith(driver.read(key), 'NOT_FOUND');
    await rejectsWith(driver.segments.commit('set', [{ name: 'a', size: 1, etag: 'b' }], key), 'MISMATCH');
    assert.deepEqual(requests, ['read', 'segments.commit']);
  });

  it('shows name and limits of the driver', () => {
    const driver = memory();
    const { name, limits } = counted(driver).driver;
    assert.deepEqual({ name, limits }, { name: driver.name, limits: driver.limits });
  });
});
