import { UPLOAD_STEPS_PREFIX } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { StorageDriver } from '../ports/storage-driver.js';

const PAGE = 1000;

export interface PurgeReport {
  /** Step records removed. */
  readonly steps: number;
  /** Segment sets removed. */
  readonly sets: number;
  /** Bytes that the sets held. */
  readonly bytes: number;
  readonly dryRun: boolean;
}

export interface PurgeOptions {
  /** Milliseconds since the last change of a session, after which it is dead. */
  readonly olderThan: number;
  /** Only counts. */
  readonly dryRun: boolean;
}

/** Removes what dead upload sessions left: their step records and the segments that no blob was made of. */
export async function purgeUploads(
  driver: StorageDriver,
  clock: Clock,
  options: PurgeOptions,
): Promise<PurgeReport> {
  const before = clock.now() - options.olderThan;
  const steps = await purgeSteps(driver, before, options.dryRun);
  const { sets, bytes } = await purgeSets(driver, before, options.dryRun);
  return { steps, sets, bytes, dryRun: options.dryRun };
}

async function purgeSteps(driver: StorageDriver, before: number, dryRun: boolean): Promise<number> {
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
    if (!dryRun && dead.length > 0) {
      const [failure] = await driver.deleteMany(dead);
      if (failure !== undefined) throw failure.error;
    }
    steps += dead.length;
    startAfter = listing.next;
  } while (startAfter !== undefined);
  return steps;
}

async function purgeSets(
  driver: StorageDriver,
  before: number,
  dryRun: boolean,
): Promise<{ sets: number; bytes: number }> {
  let sets = 0;
  let bytes = 0;
  let startAfter: string | undefined;
  do {
    const page = await driver.segments.list({ limit: PAGE, ...(startAfter !== undefined && { startAfter }) });
    for (const info of page.sets) {
      if (info.lastModified.getTime() > before) continue;
      if (!dryRun) await driver.segments.remove(info.set);
      sets += 1;
      bytes += info.size;
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
  return { sets, bytes };
}
