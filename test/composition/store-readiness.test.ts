import assert from 'node:assert/strict';
import { StoreReadiness } from '../../src/composition/store-readiness.js';
import type { OpenStore } from '../../src/composition/store.js';
import type { ServedStore } from '../../src/composition/store-opener.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { ObjectStat, StatOptions, StorageDriver } from '../../src/ports/storage-driver.js';

type Answer = (error?: Error) => void;

/** A store that answers when it is told to. */
class SlowStore implements ServedStore {
  readonly asked: Answer[] = [];
  readonly options: (StatOptions | undefined)[] = [];
  readonly current: OpenStore | StorageError;

  constructor() {
    const stat: StorageDriver['stat'] = (_key, options) =>
      new Promise((resolve, reject) => {
        this.options.push(options);
        this.asked.push((error) => (error === undefined ? resolve({} as ObjectStat) : reject(error)));
      });
    const driver = { stat } as unknown as StorageDriver;
    this.current = { driver } as OpenStore;
  }

  whenOpen(): void {
    throw new Error('not asked for here');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const LATE = { ready: false, reason: 'the storage does not answer in time' };

describe('composition/store-readiness', () => {
  let store: SlowStore;
  let now: number;
  const elapsed = (): number => now;
  let readiness: StoreReadiness;
  beforeEach(() => {
    store = new SlowStore();
    now = 0;
    readiness = new StoreReadiness(store, elapsed, 1);
  });

  it('is not ready before the store ever answered', async () => {
    assert.deepEqual(await readiness.look(), LATE);
  });

  it('stays ready with a store that is slow, until it has not answered for 15 s', async () => {
    const first = new StoreReadiness(store, elapsed, 60_000).look();
    store.asked.shift()?.();
    assert.deepEqual(await first, { ready: true });

    assert.deepEqual(await readiness.look(), LATE);
    store.asked.shift()?.();
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(await readiness.look(), { ready: true }, 'the answer that came late counts');
    now += 14_999;
    assert.deepEqual(await readiness.look(), { ready: true });
    now += 1;
    assert.deepEqual(await readiness.look(), LATE);
    assert.equal(store.asked.length, 1, 'one look for all who ask meanwhile');
  });

  it('is not ready as soon as the store says that it fails', async () => {
    const patient = new StoreReadiness(store, elapsed, 60_000);
    const first = patient.look();
    store.asked.shift()?.();
    assert.deepEqual(await first, { ready: true });
    const looking = patient.look();
    store.asked.shift()?.(new StorageError('UNAVAILABLE', 'the store is away'));
    assert.deepEqual(await looking, {
      ready: false,
      reason: 'the storage does not answer: the store is away',
    });
    assert.deepEqual(
      store.options.map((options) => options?.once),
      [true, true],
      'the driver does not hide a failure by trying again',
    );
  });

  it('takes a connection that comes too late for a slow store', async () => {
    const patient = new StoreReadiness(store, elapsed, 60_000);
    const first = patient.look();
    store.asked.shift()?.();
    await first;
    const cause = Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
    const failure = new StorageError('UNAVAILABLE', 'Swift did not answer', { cause });
    for (const [milliseconds, seen] of [[14_999, { ready: true }] as const, [15_000, LATE] as const]) {
      now = milliseconds;
      const looking = patient.look();
      store.asked.shift()?.(failure);
      assert.deepEqual(await looking, seen);
    }
  });
});
