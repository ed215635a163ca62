import { IDEMPOTENCY_PREFIX } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { StorageDriver, StorageError } from '../ports/storage-driver.js';

const PAGE = 1000;
/** Milliseconds for which a repeated request gets the same answer. */
const KEPT = 24 * 60 * 60 * 1000;

export interface IdempotencyPurgeReport {
  /** Answers removed. */
  readonly answers: number;
  /** Answers that could not be removed now, and why the first of them could not. */
  readonly failed?: { readonly count: number; readonly reason: string };
}

/**
 * Removes kept answers that are older than a day, for stores in which nothing expires by itself.
 * @throws StorageError where the store does not tell what there is
 */
export async function purgeIdempotency(driver: StorageDriver, clock: Clock): Promise<IdempotencyPurgeReport> {
  const before = clock.now() - KEPT;
  const failures: StorageError[] = [];
  let answers = 0;
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix: IDEMPOTENCY_PREFIX,
      limit: Math.min(PAGE, driver.limits.deleteBatch),
      ...(startAfter !== undefined && { startAfter }),
    });
    const old = listing.objects.filter(({ lastModified }) => lastModified.getTime() < before);
    const failed = old.length === 0 ? [] : await driver.deleteMany(old.map(({ key }) => key));
    failures.push(...failed.map(({ error }) => error));
    answers += old.length - failed.length;
    startAfter = listing.next;
  } while (startAfter !== undefined);
  const [first] = failures;
  return { answers, ...(first && { failed: { count: failures.length, reason: first.message } }) };
}
