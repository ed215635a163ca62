import { AsyncResource } from 'node:async_hooks';
import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { blobDataKey } from '../domain/keys.js';
import { DamagedContent } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { DamagedBlobs } from './damaged-blobs.js';
import { Digester } from './digester.js';

const MOST_REMEMBERED = 10_000;
const MOST_WAITING = 100;
/** Milliseconds from one examination of a blob to the next. */
const EXAMINE_AGAIN_AFTER = 60_000;
/** The same after one that came to no end. */
const TRY_AGAIN_AFTER = 10_000;

/**
 * Finds out, in the background and one after the other, whether blobs that could not be read whole are damaged.
 * Only what was read proves it: a failure to read now proves nothing.
 */
export class BlobExaminations {
  /** An examination is not in the course of the request that gave rise to it. */
  private readonly background = new AsyncResource('BlobExaminations');
  private readonly notBefore = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  private readonly waiting = new Set<string>();
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly driver: StorageDriver,
    private readonly damaged: DamagedBlobs,
    private readonly clock: Clock,
  ) {}

  /** Reading the blob failed with this: has it examined, unless that was done within the last minute. */
  suspect(stored: Digest, error: unknown): void {
    if (!isStorageError(error, 'MISMATCH', 'UNAVAILABLE')) return;
    const key = stored.toString();
    if (this.clock.now() < (this.notBefore.get(key) ?? -Infinity)) return;
    if (this.waiting.has(key) || this.waiting.size === MOST_WAITING) return;
    this.waiting.add(key);
    this.background.runInAsyncScope(() => {
      this.last = this.last.then(() => this.examine(stored, error));
    });
  }

  /** Has a blob examined that the store refuses to read with MISMATCH. Answers what the reader is told. */
  async refusalOf(stored: Digest, error: StorageError): Promise<Error> {
    this.suspect(stored, error);
    if (await this.damaged.has(stored)) return new DamagedContent(stored);
    return new StorageError('UNAVAILABLE', `the blob ${stored.toString()} cannot be read whole`, {
      cause: error,
    });
  }

  private async examine(stored: Digest, reason: StorageError): Promise<void> {
    let pause = TRY_AGAIN_AFTER;
    try {
      const proven =
        (await this.driver.isDamaged(blobDataKey(stored))) ||
        // A body that ended early says nothing of its bytes, and is too common in an outage to read them all.
        (reason.code === 'MISMATCH' && (await this.isOfAnotherDigest(stored)));
      if (proven) await this.damaged.mark(stored);
      pause = EXAMINE_AGAIN_AFTER;
    } catch {
      // Whoever fails to read it later has it examined again.
    } finally {
      this.notBefore.set(stored.toString(), this.clock.now() + pause);
      this.waiting.delete(stored.toString());
    }
  }

  private async isOfAnotherDigest(stored: Digest): Promise<boolean> {
    const { body } = await this.driver.get(blobDataKey(stored), { fresh: true, borrow: true });
    const digester = Digester.start('sha256');
    for await (const chunk of body) digester.update(chunk as Buffer);
    return !digester.digests().sha256.equals(stored);
  }
}
