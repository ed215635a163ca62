import assert from 'node:assert/strict';
import { listedKey, type Key } from '../../src/domain/keys.js';
import type { Ids } from '../../src/ports/ids.js';
import {
  isStorageError,
  type SegmentSet,
  type StorageDriver,
  type StorageErrorCode,
} from '../../src/ports/storage-driver.js';
import { collect } from './bodies.js';

export interface DriverFixture {
  readonly driver: StorageDriver;
  /** The same store as another process would see it. */
  reopen?(): Promise<StorageDriver>;
  /** Names of whatever the store, or this process for it, still holds. */
  leftovers(): Promise<readonly string[]>;
  destroy(): Promise<void>;
}

export interface SuiteOptions {
  /** Whether the store lives in the memory of one process; else the fixture has `reopen`. */
  readonly oneProcess?: boolean;
  /** False where of two overlapping creations both may succeed (Swift). */
  readonly atomicCreate?: boolean;
  /** False where an object may not be found for a moment while it is overwritten (Swift). */
  readonly steadyOverwrite?: boolean;
  /** For stores whose listings lag: how long one may wait for them, in milliseconds. */
  readonly listingLag?: number;
}

/** The driver under test; what a test names through it is deleted through the driver when the test ends. */
export class Subject {
  private readonly keys = new Set<Key>();
  private readonly sets = new Set<SegmentSet>();
  private count = 0;

  constructor(
    readonly fixture: DriverFixture,
    readonly options: SuiteOptions,
  ) {}

  get driver(): StorageDriver {
    return this.fixture.driver;
  }

  /** A key of this test; without a name a fresh one. */
  key(name = `object-${(this.count += 1)}`): Key {
    const key = listedKey(`docker/registry/v2/suite/${name}`);
    this.keys.add(key);
    return key;
  }

  set(name = `suite-${(this.count += 1)}`): SegmentSet {
    this.sets.add(name);
    return name;
  }

  async content(key: Key): Promise<Buffer> {
    return collect((await this.driver.get(key)).body);
  }

  async present(key: Key): Promise<boolean> {
    try {
      await this.driver.stat(key, { fresh: true });
      return true;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  /** Repeats an assertion about a listing for as long as the store's listings may lag. */
  async listed(assertion: () => Promise<void>): Promise<void> {
    const { listingLag = 0 } = this.options;
    for (let waited = 0; waited < listingLag; waited += 100) {
      try {
        return await assertion();
      } catch (error) {
        if (!(error instanceof assert.AssertionError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return assertion();
  }

  /** Fails on whatever is left once the test's own keys and sets are deleted. */
  async end(): Promise<void> {
    const keys = [...this.keys];
    const { deleteBatch } = this.driver.limits;
    for (let i = 0; i < keys.length; i += deleteBatch) {
      assert.deepEqual(await this.driver.deleteMany(keys.slice(i, i + deleteBatch)), []);
    }
    for (const set of this.sets) await this.driver.segments.remove(set);
    try {
      await this.listed(async () => assert.deepEqual(await this.fixture.leftovers(), []));
    } finally {
      await this.abandon();
    }
  }

  /** After a test that failed for a reason of its own. */
  async abandon(): Promise<void> {
    await this.driver.close();
    await this.fixture.destroy();
  }
}

/** Registers one test; the subject is the current test's. */
export type Cases = (subject: () => Subject) => void;

export async function rejectsWith(
  promise: Promise<unknown>,
  ...codes: readonly StorageErrorCode[]
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isStorageError(error), `expected a StorageError ${codes.join(' or ')}, got ${String(error)}`);
    assert.ok(
      codes.includes(error.code),
      `expected ${codes.join(' or ')}, got ${error.code}: ${error.message}`,
    );
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** What each promise came to: `ok`, or the code of its StorageError; any other error is thrown. */
export async function outcomes(
  promises: readonly Promise<unknown>[],
): Promise<readonly (StorageErrorCode | 'ok')[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === 'fulfilled') return 'ok';
    if (isStorageError(result.reason)) return result.reason.code;
    throw result.reason;
  });
}

/** Ids in a row, for drivers under test. */
export function countingIds(start = 0): Ids {
  let count = start;
  return {
    unique: () => (count += 1).toString(36).padStart(26, '0'),
    secret: (bytes) => Buffer.alloc(bytes, (count += 1)),
  };
}
