import type { Config } from '../config/index.js';
import { purgeUploads } from '../jobs/purge-uploads.js';
import type { Logger } from '../ports/logger.js';
import { openFormat } from '../registry/store-format.js';
import { createStorage } from './storage.js';
import { systemClock } from './system.js';
import { createTelemetry } from './telemetry.js';

/** Purges dead uploads now and every `uploads.purgeEvery`; on a shared store it only reports. Answers how to stop. */
export function startPurgeTimer(config: Config, log: Logger): () => void {
  const { purgeEvery, purgeAfter } = config.uploads;
  if (purgeEvery === 0 || config.storage.driver === 'memory') return () => undefined;
  const driver = createStorage(config, createTelemetry());
  const run = async (): Promise<void> => {
    try {
      const { shared } = await openFormat(driver);
      const dryRun = config.storage.shared ?? shared;
      const report = await purgeUploads(driver, systemClock, { olderThan: purgeAfter, dryRun });
      log.info(report, 'purged dead uploads');
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        'the purge of dead uploads failed; it runs again later',
      );
    }
  };
  void run();
  return systemClock.every(purgeEvery, () => void run());
}
