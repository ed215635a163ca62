import { purgeUploads } from '../jobs/purge-uploads.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { OpenStore } from './store.js';
import type { ServedStore } from './store-opener.js';

/** Milliseconds. */
export interface PurgeTimes {
  /** 0 switches the timer off. */
  readonly purgeEvery: number;
  readonly purgeAfter: number;
}

/**
 * Purges dead uploads as soon as the store is open and then every `purgeEvery`; on a shared store it only reports.
 * Answers how to stop.
 */
export function startPurgeTimer(
  store: Pick<ServedStore, 'whenOpen'>,
  { purgeEvery, purgeAfter }: PurgeTimes,
  clock: Clock,
  log: Logger,
): () => void {
  let stopped = purgeEvery === 0;
  let stopTimer = (): void => undefined;
  store.whenOpen((open) => {
    if (stopped) return;
    void purge(open, purgeAfter, clock, log);
    stopTimer = clock.every(purgeEvery, () => void purge(open, purgeAfter, clock, log));
  });
  return () => {
    stopped = true;
    stopTimer();
  };
}

async function purge(
  { driver, format }: OpenStore,
  olderThan: number,
  clock: Clock,
  log: Logger,
): Promise<void> {
  try {
    const report = await purgeUploads(driver, clock, { olderThan, dryRun: format.shared });
    if (report.failed !== undefined) log.warn(report, 'purged dead uploads, but not all; the rest later');
    else
      log.info(report, format.shared ? 'dead uploads of a shared store, left alone' : 'purged dead uploads');
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'the purge of dead uploads failed; it runs again later');
  }
}
