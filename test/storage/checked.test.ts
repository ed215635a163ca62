import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { listedKey, type Key } from '../../src/domain/keys.js';
import { StorageError, type StorageDriver } from '../../src/ports/storage-driver.js';
import { checked } from '../../src/storage/checked.js';
import { bytesOf, chunked, digestOf, failing } from '../../storage-drivers/driver-suite/bodies.js';
import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { memoryFixture, testClock, testIds } from '../storage-drivers/memory-fixture.js';

describeDriver('memory, checked', () => memoryFixture(checked), { oneProcess: true });

/** A driver that checks nothing: every method takes what it is given and fails or notes it. */
function careless(calls: unknown[][], error?: Error): StorageDriver {
  const note =
    <T>(answer: T) =>
    async (...call: unknown[]): Promise<T> => {
      calls.push(call);
      for (const argument of call) {
        if (typeof argument !== 'object' || argument === null || !(Symbol.asyncIterator in argument))
          continue;
        for await (const chunk of argument as AsyncIterable<unknown>) assert.ok(chunk);
      }
      if (error !== undefined) throw error;
      return answer;
    };
  const stat = { size: 0, lastModified: new Date(0) };
  return {
    name: 'careless',
    limits: { segmentBytes: 100, deleteBatch: 3, inlineBytes: 0 },
    stat: note(stat),
    get: note({ stat, body: Readable.from([]) }),
    read: note(Buffer.alloc(0)),
    put: note(stat),
    putVerified: note(stat),
    isDamaged: note(false),
    list: note({ objects: [], prefixes: [] }),
    delete: note(undefined),
    deleteMany: note([]),
    signedUrl: note(undefined),
    close: note(undefined),
    segments: {
      append: note([]),
      read: () => Readable.from([]),
      commit: note(stat),
      remove: note(undefined),
      list: note({ sets: [] }),
    },
  };
}

/** Every operation on this key and set, by its name. */
function operations(driver: StorageDriver, key: Key, set: string, signal?: AbortSignal) {
  const options = signal === undefined ? {} : { signal };
  const body = (): AsyncIterable<Uint8Array> => chunked(Buffer.from('x'));
  const digest = digestOf(Buffer.from('x'));
  const onKeys: Record<string, () => Promise<unknown>> = {
    stat: () => driver.stat(key, options),
    get: () => driver.get(key, options),
    read: () => driver.read(key, options),
    put: () => driver.put(key, Buffer.from('x'), options),
    putVerified: () => driver.putVerified(key, body(), { digest, size: 1, ...options }),
    list: () => driver.list({ prefix: key, limit: 1, ...options }),
    delete: () => driver.delete(key, options),
    deleteMany: () => driver.deleteMany([key], options),
    'segments.commit': () => driver.segments.commit(set, [], key, options),
  };
  const onSets: Record<string, () => Promise<unknown>> = {
    'segments.append': () => driver.segments.append(set, [], body(), options),
    'segments.commit': () => driver.segments.commit(set, [], key, options),
  };
  return { onKeys, onSets };
}

describe('checked driver', () => {
  const key = listedKey('stackyard/v1/key');

  it('lets nothing pass that is not a key, a prefix or a set', async () => {
    const calls: unknown[][] = [];
    const driver = checked(careless(calls));
    const expiresAt = new Date(0);
    const bad = listedKey('stackyard/v1/../tmp/x');
    for (const call of Object.values(operations(driver, bad, 'set').onKeys))
      await rejectsWith(call(), 'INVALID_KEY');
    await rejectsWith(driver.signedUrl(bad, { method: 'GET', expiresAt }), 'INVALID_KEY');
    await rejectsWith(driver.isDamaged(bad), 'INVALID_KEY');
    await rejectsWith(driver.deleteMany([key, bad]), 'INVALID_KEY');
    for (const call of Object.values(operations(driver, key, '../set').onSets)) {
      await rejectsWith(call(), 'INVALID_KEY');
    }
    await rejectsWith(driver.segments.remove('SET'), 'INVALID_KEY');
    assert.throws(() => driver.segments.read('', []), StorageError);
    assert.deepEqual(calls, []);
  });

  it('lets no impossible number pass', async () => {
    const calls: unknown[][] = [];
    const driver = checked(careless(calls));
    const digest = digestOf(Buffer.alloc(0));
    for (const range of [
      { start: -1, end: 5 },
      { start: 5, end: 4 },
      { start: 0.5, end: 4 },
      { start: 0, end: Infinity },
      { start: Number.NaN, end: 4 },
    ]) {
      await rejectsWith(driver.get(key, { range }), 'RANGE');
    }
    for (const number of [-1, 0.5, Number.NaN]) {
      await rejectsWith(driver.putVerified(key, chunked(Buffer.alloc(0)), { digest, size: number }), 'RANGE');
      await rejectsWith(driver.put(key, Buffer.alloc(0), { expiresAfter: number }), 'RANGE');
      await rejectsWith(driver.list({ prefix: key, limit: number }), 'RANGE');
      await rejectsWith(driver.segments.list({ limit: number }), 'RANGE');
    }
    await rejectsWith(driver.list({ prefix: key, limit: 0 }), 'RANGE');
    assert.deepEqual(calls, []);
  });

  it('splits a deleteMany above the batch and gathers the failures', async () => {
    const calls: unknown[][] = [];
    const driver = careless(calls);
    const failing = checked({
      ...driver,
      deleteMany: async (keys) => {
        calls.push([...keys]);
        return [{ key: keys[0] ?? key, error: new StorageError('UNAVAILABLE', 'no') }];
      },
    });
    const keys = Array.from({ length: 7 }, (_, i) => listedKey(`stackyard/v1/${i}`));
    const failures = await failing.deleteMany(keys);
    assert.deepEqual(calls, [keys.slice(0, 3), keys.slice(3, 6), keys.slice(6)]);
    assert.deepEqual(
      failures.map((failure) => failure.key),
      [keys[0], keys[3], keys[6]],
    );
  });

  it('makes UNAVAILABLE of a foreign error, naming driver and operation', async () => {
    const foreign = new TypeError('x is not a function');
    const { onKeys, onSets } = operations(checked(careless([], foreign)), key, 'set');
    for (const [operation, call] of Object.entries({ ...onKeys, ...onSets })) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof StorageError);
        assert.equal(error.code, 'UNAVAILABLE');
        assert.equal(error.message, `careless: ${operation}: x is not a function`);
        assert.equal(error.cause, foreign);
        return true;
      });
    }
  });

  it('leaves a StorageError as it is', async () => {
    const own = new StorageError('THROTTLED', 'slow down');
    const { onKeys, onSets } = operations(checked(careless([], own)), key, 'set');
    for (const call of Object.values({ ...onKeys, ...onSets })) {
      await assert.rejects(call(), (error) => error === own);
    }
  });

  it('tells the reason of an abort, whatever the driver made of it', async () => {
    const reason = new Error('no longer wanted');
    const signal = AbortSignal.abort(reason);
    const { onKeys, onSets } = operations(checked(careless([], new Error('cut'))), key, 'set', signal);
    for (const call of Object.values({ ...onKeys, ...onSets })) {
      await assert.rejects(call(), (error) => error === reason);
    }
  });

  it('passes on the error of a body', async () => {
    const memory = createMemoryDriver({ clock: testClock, ids: testIds() });
    const driver = checked(memory);
    const error = new TypeError('the client went away');
    const bytes = bytesOf(1, 1000);
    const options = { digest: digestOf(bytes), size: 1000 };
    await assert.rejects(
      driver.putVerified(key, failing(bytes, error), options),
      (thrown) => thrown === error,
    );
    await assert.rejects(
      driver.segments.append('set', [], failing(bytes, error)),
      (thrown) => thrown === error,
    );
  });
});
