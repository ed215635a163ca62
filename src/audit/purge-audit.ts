import type { Key } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { StorageDriver, StorageError } from '../ports/storage-driver.js';
import { auditHours } from './audit-hours.js';

const HOUR = 60 * 60 * 1000;
const PAGE = 1000;

export interface AuditPurgeReport {
  /** Objects removed; each held some events. */
  readonly objects: number;
  /** Objects that could not be removed now, and why the first of them could not. */
  readonly failed?: { readonly count: number; readonly reason: string };
}

/**
 * Removes the objects of every hour that ended more than `keep` milliseconds ago; none for 0.
 * @throws StorageError where the store does not tell what there is
 */
export async function purgeAudit(
  driver: StorageDriver,
  clock: Clock,
  keep: number,
): Promise<AuditPurgeReport> {
  const failures: StorageError[] = [];
  let objects = 0;
  if (keep > 0) {
    for await (const { prefix, time } of auditHours(driver)) {
      if (clock.now() - (time + HOUR) <= keep) break;
      objects += await removeAll(driver, prefix, failures);
    }
  }
  const [first] = failures;
  return { objects, ...(first && { failed: { count: failures.length, reason: first.message } }) };
}

async function removeAll(driver: StorageDriver, prefix: string, failures: StorageError[]): Promise<number> {
  let removed = 0;
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix,
      limit: Math.min(PAGE, driver.limits.deleteBatch),
      ...(startAfter !== undefined && { startAfter }),
    });
    const keys: Key[] = listing.objects.map(({ key }) => key);
    const failed = keys.length === 0 ? [] : await driver.deleteMany(keys);
    failures.push(...failed.map(({ error }) => error));
    removed += keys.length - failed.length;
    startAfter = listing.next;
  } while (startAfter !== undefined);
  return removed;
}
