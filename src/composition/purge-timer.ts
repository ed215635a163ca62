import { purgeAudit } from '../audit/purge-audit.js';
import { purgeFetchRecords } from '../jobs/purge-fetch-records.js';
import { purgeIdempotency } from '../jobs/purge-idempotency.js';
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
  /** What was done longer ago than this is forgotten; nothing for 0. */
  readonly auditKeep: number;
}

/**
 * Purges dead uploads, old audit events, kept answers and dead fetches of the mirror as soon as the store is open and then every `purgeEvery`; of
 * the uploads of a shared store it only reports. Answers how to stop.
 */
export function startPurgeTimer(
  store: Pick<ServedStore, 'whenOpen'>,
  times: PurgeTimes,
  clock: Clock,
  log: Logger,
): () => void {
  let stopped = times.purgeEvery === 0;
  let stopTimer = (): void => undefined;
  store.whenOpen((open) => {
    if (stopped) return;
    void purge(open, times, clock, log);
    stopTimer = clock.every(times.purgeEvery, () => void purge(open, times, clock, log));
  });
  return () => {
    stopped = true;
    stopTimer();
  };
}

async function purge(open: OpenStore, times: PurgeTimes, clock: Clock, log: Logger): Promise<void> {
  await purgeDead(open, times.purgeAfter, clock, log);
  if (times.auditKeep > 0) await purgeEvents(open, times.auditKeep, clock, log);
  await purgeAnswers(open, clock, log);
  await purgeRecords(open, clock, log);
}

async function purgeDead(
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

/** These are ours, whoever else writes to the store. */
async function purgeEvents({ driver }: OpenStore, keep: number, clock: Clock, log: Logger): Promise<void> {
  try {
    const report = await purgeAudit(driver, clock, keep);
    if (report.failed !== undefined) log.warn(report, 'purged old audit events, but not all; the rest later');
    else log.info(report, 'purged old audit events');
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'the purge of audit events failed; it runs again later');
  }
}

/** Of stores where they expire there are none. */
async function purgeAnswers({ driver }: OpenStore, clock: Clock, log: Logger): Promise<void> {
  try {
    const report = await purgeIdempotency(driver, clock);
    if (report.failed !== undefined) log.warn(report, 'purged kept answers, but not all; the rest later');
    else if (report.answers > 0) log.info(report, 'purged kept answers');
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'the purge of kept answers failed; it runs again later');
  }
}

/** A record says nothing that another registry needs. */
async function purgeRecords({ driver }: OpenStore, clock: Clock, log: Logger): Promise<void> {
  try {
    const report = await purgeFetchRecords(driver, clock);
    if (report.failed !== undefined)
      log.warn(report, 'purged dead fetches of the mirror, but not all; the rest later');
    else if (report.records > 0) log.info(report, 'purged dead fetches of the mirror');
  } catch (error) {
    const { message: reason } = error as Error;
    log.error({ reason }, 'the purge of dead fetches of the mirror failed; it runs again later');
  }
}
