import { purgeUploads } from '../jobs/purge-uploads.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { OpenStore } from './store.js';

/** Milliseconds. */
export interface PurgeTimes {
  /** 0 switches the timer off. */
  readonly purgeEvery: number;
  readonly purgeAfter: number;
}

/** Purges dead uploads now and every `purgeEvery`; on a shared store it only reports. Answers how to stop. */
export function startPurgeTimer(
  { driver, format }: OpenStore,
  { purgeEvery, purgeAfter }: PurgeTimes,
  clock: Clock,
  log: Logger,
): () => void {
  if (purgeEvery === 0) return () => undefined;
  const run = async (): Promise<void> => {
    try {
      const report = await purgeUploads(driver, clock, { olderThan: purgeAfter, dryRun: format.shared });
      log.info(report, format.shared ? 'dead uploads of a shared store, left alone' : 'purged dead uploads');
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        'the purge of dead uploads failed; it runs again later',
      );
    }
  };
  void run();
  return clock.every(purgeEvery, () => void run());
}
