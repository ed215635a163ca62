import type { StorageDriver, StorageError } from '../ports/storage-driver.js';

const PAGE = 1000;

/** What could not be removed now, and why the first of it could not. */
export interface RemovalFailures {
  readonly count: number;
  readonly reason: string;
}

/**
 * Removes what lies below a prefix and was written before a moment (milliseconds since 1970), for stores in which nothing
 * expires by itself. @throws StorageError where the store does not tell what there is
 */
export async function removeOlder(
  driver: StorageDriver,
  prefix: string,
  before: number,
): Promise<{ readonly removed: number; readonly failed?: RemovalFailures }> {
  const failures: StorageError[] = [];
  let removed = 0;
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix,
      limit: Math.min(PAGE, driver.limits.deleteBatch),
      ...(startAfter !== undefined && { startAfter }),
    });
    const old = listing.objects.filter(({ lastModified }) => lastModified.getTime() < before);
    const failed = old.length === 0 ? [] : await driver.deleteMany(old.map(({ key }) => key));
    failures.push(...failed.map(({ error }) => error));
    removed += old.length - failed.length;
    startAfter = listing.next;
  } while (startAfter !== undefined);
  const [first] = failures;
  return { removed, ...(first && { failed: { count: failures.length, reason: first.message } }) };
}
