import assert from 'node:assert/strict';
import { StoreReadiness } from '../../src/composition/store-readiness.js';
import type { OpenStore } from '../../src/composition/store.js';
import type { ServedStore } from '../../src/composition/store-opener.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { ObjectStat, StorageDriver } from '../../src/ports/storage-driver.js';
import { FakeClock } from '../support/in-process.js';

type Answer = (error?: Error) => void;

/** A store that answers when it is told to. */
class SlowStore implements ServedStore {
  readonly asked: Answer[] = [];
  readonly current: OpenStore | StorageError;

  constructor() {
    const stat = (): Promise<ObjectStat> =>
      new Promise((resolve, reject) =>
        this.asked.push((error) => (error === undefined ? resolve({} as ObjectStat) : reject(error))),
      );
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
  let clock: FakeClock;
  let readiness: StoreReadiness;
  beforeEach(() => {
    store = new SlowStore();
    clock = new FakeClock();
    readiness = new StoreReadiness(store, clock, 1);
  });

  it('is not ready before the store ever answered', async () => {
    assert.deepEqual(await readiness.look(), LATE);
  });

  it('stays ready with a store that is slow, until it has not answered for 15 s', async () => {
    const first = new StoreReadiness(store, clock, 60_000).look();
    store.asked.shift()?.();
    assert.deepEqual(await first, { ready: true });

    assert.deepEqual(await readiness.look(), LATE);
    store.asked.shift()?.();
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(await readiness.look(), { ready: true }, 'the answer that came late counts');
    clock.advance(14_999);
    assert.deepEqual(await readiness.look(), { ready: true });
    clock.advance(1);
    assert.deepEqual(await readiness.look(), LATE);
    assert.equal(store.asked.length, 1, 'one look for all who ask meanwhile');
  });

  it('is not ready as soon as the store says that it fails', async () => {
    const looking = new StoreReadiness(store, clock, 60_000).look();
    store.asked.shift()?.(new StorageError('UNAVAILABLE', 'the store is away'));
    assert.deepEqual(await looking, {
      ready: false,
      reason: 'the storage does not answer: the store is away',
    });
  });
});
