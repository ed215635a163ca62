import { MIRROR_FETCHES_PREFIX } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { removeOlder } from './remove-older.js';
import type { RemovalFailures } from './remove-older.js';

/** Milliseconds; whoever takes a blob writes its record anew far more often. */
const DEAD_AFTER = 60 * 60 * 1000;

export interface FetchRecordPurgeReport {
  /** Records removed. */
  readonly records: number;
  readonly failed?: RemovalFailures;
}

/**
 * Removes what is known of blobs that were taken from upstreams, or were to be.
 * @throws StorageError where the store does not tell what there is
 */
export async function purgeFetchRecords(
  driver: StorageDriver,
  clock: Clock,
): Promise<FetchRecordPurgeReport> {
  const { removed, failed } = await removeOlder(driver, MIRROR_FETCHES_PREFIX, clock.now() - DEAD_AFTER);
  return { records: removed, ...(failed && { failed }) };
}
