import { IDEMPOTENCY_PREFIX } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { removeOlder } from './remove-older.js';
import type { RemovalFailures } from './remove-older.js';

/** Milliseconds for which a repeated request gets the same answer. */
const KEPT = 24 * 60 * 60 * 1000;

export interface IdempotencyPurgeReport {
  /** Answers removed. */
  readonly answers: number;
  readonly failed?: RemovalFailures;
}

/** Removes kept answers that are older than a day. @throws StorageError where the store does not tell what there is */
export async function purgeIdempotency(driver: StorageDriver, clock: Clock): Promise<IdempotencyPurgeReport> {
  const { removed: answers, failed } = await removeOlder(driver, IDEMPOTENCY_PREFIX, clock.now() - KEPT);
  return { answers, ...(failed && { failed }) };
}
