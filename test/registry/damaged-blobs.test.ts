import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { blobDataKey, damagedMarkKey } from '../../src/domain/keys.js';
import type { Clock } from '../../src/ports/clock.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { BlobExaminations } from '../../src/registry/blob-examinations.js';
import { DamagedBlobs } from '../../src/registry/damaged-blobs.js';
import { digestOf } from '../../src/registry/digester.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { fakeIds } from '../support/in-process.js';
import { withFaults } from './faulty.js';

const ONE = digestOf(Buffer.from('one'));
const TWO = digestOf(Buffer.from('two'));
const REFUSED = new StorageError('MISMATCH', 'not whole');

/** Runs what is to be run every so often when told. */
class TickingClock implements Clock {
  readonly periods: number[] = [];
  private readonly callbacks = new Set<() => void>();

  now(): number {
    return 0;
  }

  every(milliseconds: number, callback: () => void): () => void {
    this.periods.push(milliseconds);
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  tick(): void {
    for (const callback of this.callbacks) callback();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('registry/damaged-blobs', () => {
  let clock: TickingClock;
  let store: StorageDriver;
  beforeEach(() => {
    clock = new TickingClock();
    store = createMemoryDriver({ clock, ids: fakeIds() });
  });

  const marksOver = (driver: StorageDriver): DamagedBlobs =>
    new DamagedBlobs(driver, clock, noInvalidations, false);

  it('learns of marks at once and every 30 seconds, until it is stopped; a listing that fails is made again', async () => {
    let failures = 1;
    const driver = withFaults(store, {
      list: async (options) => {
        if (failures-- > 0) throw new StorageError('UNAVAILABLE', 'no listing');
        return store.list(options);
      },
    });
    const others = marksOver(store);
    await others.mark(ONE);
    const marks = marksOver(driver);
    const stop = marks.watch();
    await settled();
    assert.deepEqual(clock.periods, [30_000]);
    assert.equal(await marks.has(ONE), false);
    clock.tick();
    await settled();
    assert.equal(await marks.has(ONE), true);
    await others.mark(TWO);
    assert.equal(await marks.has(TWO), false);
    stop();
    clock.tick();
    await settled();
    assert.equal(await marks.has(TWO), false);
  });

  it('a blob that nobody marked costs no request, a marked one is looked up each time', async () => {
    let requests = 0;
    const driver = withFaults(store, {
      stat: async (...call) => {
        requests += 1;
        return store.stat(...call);
      },
    });
    const marks = marksOver(driver);
    await marks.mark(ONE);
    assert.deepEqual([await marks.has(TWO), requests], [false, 0]);
    assert.deepEqual([await marks.has(ONE), requests], [true, 1]);
    await store.delete(damagedMarkKey(ONE));
    assert.deepEqual([await marks.has(ONE), requests], [false, 2]);
    assert.deepEqual([await marks.has(ONE), requests], [false, 2]);
  });

  it('marks and sizes are those of the newest replica', async () => {
    const driver = withFaults(store, {
      stat: async (key, options) => {
        if (options?.fresh !== true) throw new StorageError('NOT_FOUND', 'not here yet');
        return store.stat(key, options);
      },
    });
    const marks = marksOver(driver);
    await store.put(blobDataKey(ONE), Buffer.from('one'));
    assert.deepEqual([await marks.isWhole(ONE, 3), await marks.isWhole(ONE, 4)], [true, false]);
    assert.equal(await marks.isWhole(TWO, 3), false);
    await marks.mark(ONE);
    assert.deepEqual([await marks.has(ONE), await marks.isWhole(ONE, 3)], [true, false]);
    await assert.rejects(marks.repaired(ONE, 4), /has 3 bytes instead of 4/);
    await assert.rejects(marks.repaired(TWO, 3), /has no bytes instead of 3/);
    assert.equal(await marks.has(ONE), true);
    await marks.repaired(ONE, 3);
    assert.deepEqual([await marks.has(ONE), await marks.isWhole(ONE, 3)], [false, true]);
  });

  it('whether a blob is marked is not guessed while the store does not answer', async () => {
    const driver = withFaults(store, {
      stat: () => Promise.reject(new StorageError('UNAVAILABLE', 'away')),
    });
    const marks = marksOver(driver);
    await marks.mark(ONE);
    await assert.rejects(marks.has(ONE), /away/);
  });

  it("examines one blob after the other, in no request's course", async () => {
    const courses = new AsyncLocalStorage<string>();
    const seen: [string, string | undefined][] = [];
    let answer: (gone: boolean) => void = () => undefined;
    const driver = withFaults(store, {
      isDamaged: (key) => {
        seen.push([key, courses.getStore()]);
        return new Promise((resolve) => (answer = resolve));
      },
    });
    const marks = marksOver(driver);
    const examinations = new BlobExaminations(driver, marks, clock);
    courses.run('a request', () => {
      for (const digest of [ONE, TWO, ONE]) examinations.suspect(digest, REFUSED);
    });
    await settled();
    assert.equal(seen.length, 1);
    answer(true);
    await settled();
    assert.equal(seen.length, 2);
    answer(true);
    await settled();
    assert.deepEqual(
      seen.map(([key, course]) => [key.includes(ONE.hex) ? 'one' : 'two', course]),
      [
        ['one', undefined],
        ['two', undefined],
      ],
    );
    assert.deepEqual([await marks.has(ONE), await marks.has(TWO)], [true, true]);
  });

  it('only a refusal of the content or an end too early are reasons to examine', async () => {
    let proofs = 0;
    const driver = withFaults(store, {
      isDamaged: async () => ((proofs += 1), false),
    });
    const examinations = new BlobExaminations(driver, marksOver(driver), clock);
    for (const code of ['NOT_FOUND', 'RANGE', 'THROTTLED', 'INVALID_KEY'] as const)
      examinations.suspect(ONE, new StorageError(code, 'x'));
    examinations.suspect(ONE, new TypeError('a bug'));
    await settled();
    assert.equal(proofs, 0);
    examinations.suspect(ONE, new StorageError('UNAVAILABLE', 'cut'));
    examinations.suspect(TWO, REFUSED);
    await settled();
    assert.equal(proofs, 2);
  });
});
