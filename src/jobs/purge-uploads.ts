import { UPLOAD_STEPS_PREFIX } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { SegmentSet, StorageDriver, StorageError } from '../ports/storage-driver.js';

const PAGE = 1000;

export interface PurgeReport {
  /** Step records removed. */
  readonly steps: number;
  /** Segment sets removed. */
  readonly sets: number;
  /** Bytes that the sets held. */
  readonly bytes: number;
  readonly dryRun: boolean;
  /** Step records and segment sets that could not be removed now, and why the first of them could not. */
  readonly failed?: { readonly count: number; readonly reason: string };
}

export interface PurgeOptions {
  /** Milliseconds since the last change of a session, after which it is dead. */
  readonly olderThan: number;
  /** Only counts. */
  readonly dryRun: boolean;
}

/**
 * Removes what dead upload sessions left: their step records and the segments that no blob was made of. What cannot
 * be removed does not keep the rest. @throws StorageError where the store does not tell what there is
 */
export async function purgeUploads(
  driver: StorageDriver,
  clock: Clock,
  options: PurgeOptions,
): Promise<PurgeReport> {
  const before = clock.now() - options.olderThan;
  const failures: StorageError[] = [];
  const steps = await purgeSteps(driver, before, options.dryRun, failures);
  const { sets, bytes } = await purgeSets(driver, before, options.dryRun, failures);
  const [first] = failures;
  return {
    steps,
    sets,
    bytes,
    dryRun: options.dryRun,
    ...(first !== undefined && { failed: { count: failures.length, reason: first.message } }),
  };
}

async function purgeSteps(
  driver: StorageDriver,
  before: number,
  dryRun: boolean,
  failures: StorageError[],
): Promise<number> {
  let steps = 0;
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix: UPLOAD_STEPS_PREFIX,
      limit: Math.min(PAGE, driver.limits.deleteBatch),
      ...(startAfter !== undefined && { startAfter }),
    });
    const dead: Key[] = listing.objects
      .filter((step) => step.lastModified.getTime() <= before)
      .map((step) => step.key);
    const failed = dryRun || dead.length === 0 ? [] : await driver.deleteMany(dead);
    failures.push(...failed.map(({ error }) => error));
    steps += dead.length - failed.length;
    startAfter = listing.next;
  } while (startAfter !== undefined);
  return steps;
}

async function purgeSets(
  driver: StorageDriver,
  before: number,
  dryRun: boolean,
  failures: StorageError[],
): Promise<{ sets: number; bytes: number }> {
  let sets = 0;
  let bytes = 0;
  let startAfter: string | undefined;
  do {
    const page = await driver.segments.list({ limit: PAGE, ...(startAfter !== undefined && { startAfter }) });
    for (const info of page.sets) {
      // Not `>`: a time that is none must not look old.
      if (!(info.lastModified.getTime() <= before)) continue;
      if (!dryRun && !(await isRemoved(driver, info.set, failures))) continue;
      sets += 1;
      bytes += info.size;
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
  return { sets, bytes };
}

async function isRemoved(driver: StorageDriver, set: SegmentSet, failures: StorageError[]): Promise<boolean> {
  try {
    await driver.segments.remove(set);
    return true;
  } catch (error) {
    if (!isStorageError(error)) throw error;
    failures.push(error);
    return false;
  }
}
