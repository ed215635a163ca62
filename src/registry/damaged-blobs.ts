import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { DAMAGED_PREFIX, blobDataKey, damagedMarkKey } from '../domain/keys.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { Clock } from '../ports/clock.js';
import type { Invalidations } from '../ports/invalidations.js';
import { listAll } from '../ports/listing.js';

const MOST_REMEMBERED = 100_000;
const LIST_EVERY = 30_000;

export interface ForPush {
  /** Asked for somebody who may push: what is damaged is then not there, so that it is pushed again. */
  readonly forPush?: boolean;
}

/**
 * The blobs whose stored bytes are proven wrong, each by a mark in the store. What this process remembers only tells
 * of which blobs the store must be asked, so that those that nobody marked cost nothing.
 */
export class DamagedBlobs {
  private readonly heardOf = new LRUCache<string, true>({ max: MOST_REMEMBERED });
  /** Counts the beginnings and ends of marking: what the store said meanwhile is no reason to forget. */
  private marking = 0;

  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
    private readonly invalidations: Invalidations,
    /** Whether another registry writes to the store: then no mark is, and each process knows only its own. */
    private readonly shared: boolean,
  ) {
    invalidations.subscribe(({ kind, key }) => {
      if (kind === 'damaged') this.heardOf.set(key, true);
      if (kind === 'repaired') this.heardOf.delete(key);
    });
  }

  /** Learns now and every 30 seconds what other servers marked. Answers how to stop. */
  watch(): () => void {
    const learn = (): void => {
      // A listing that fails now is made again in 30 seconds.
      this.learn().catch(() => undefined);
    };
    learn();
    return this.clock.every(LIST_EVERY, learn);
  }

  /** Learns what other servers marked, as far as the store's listing tells. */
  async learn(): Promise<void> {
    if (this.shared) return;
    for await (const key of listAll(this.driver, { prefix: DAMAGED_PREFIX }))
      this.heardOf.set(key.slice(DAMAGED_PREFIX.length).replace('/', ':'), true);
  }

  /** Whether the blob is marked. Costs nothing for one that this process has heard nothing of. */
  async has(stored: Digest): Promise<boolean> {
    return this.heardOf.has(stored.toString()) && this.isMarked(stored);
  }

  /** Marks the blob, and tells the other workers. */
  async mark(stored: Digest): Promise<void> {
    this.marking += 1;
    if (!this.shared) await this.driver.put(damagedMarkKey(stored), new Uint8Array());
    this.marking += 1;
    this.heardOf.set(stored.toString(), true);
    await this.invalidations.publish({ kind: 'damaged', key: stored.toString() });
  }

  /** Whether the store holds the blob in this size and without a mark, as of now. */
  async isWhole(stored: Digest, size: number): Promise<boolean> {
    const [heldSize, marked] = await Promise.all([this.sizeOf(stored), this.isMarked(stored)]);
    return heldSize === size && !marked;
  }

  /** Removes the mark of a blob whose bytes were written again. @throws StorageError UNAVAILABLE unless they are there */
  async repaired(stored: Digest, size: number): Promise<void> {
    const heldSize = await this.sizeOf(stored);
    if (heldSize !== size) {
      throw new StorageError(
        'UNAVAILABLE',
        `the blob ${stored.toString()} was written again, but has ${heldSize ?? 'no'} bytes instead of ${size}`,
      );
    }
    if (!this.shared) await this.driver.delete(damagedMarkKey(stored));
    this.heardOf.delete(stored.toString());
    await this.invalidations.publish({ kind: 'repaired', key: stored.toString() });
  }

  private async sizeOf(stored: Digest): Promise<number | undefined> {
    try {
      return (await this.driver.stat(blobDataKey(stored), { fresh: true })).size;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  private async isMarked(stored: Digest): Promise<boolean> {
    if (this.shared) return this.heardOf.has(stored.toString());
    const { marking } = this;
    try {
      await this.driver.stat(damagedMarkKey(stored), { fresh: true });
      this.heardOf.set(stored.toString(), true);
      return true;
    } catch (error) {
      if (!isStorageError(error, 'NOT_FOUND')) throw error;
      if (marking === this.marking) this.heardOf.delete(stored.toString());
      return false;
    }
  }
}
