import type { Config } from '../config/index.js';
import type { Logger } from '../ports/logger.js';
import type { StorageTelemetry } from '../ports/telemetry.js';
import { createStorage } from './storage.js';
import { openConfiguredStore, openStoreOf } from './store.js';
import { OpeningStore, alreadyOpen } from './store-opener.js';
import type { ServedStore } from './store-opener.js';
import { systemClock } from './system.js';

/**
 * The configured store, to be served. One across a network may be away: serving begins without it.
 * @throws StartError
 */
export async function openServedStore(
  config: Config,
  log: Logger,
  telemetry: StorageTelemetry,
): Promise<ServedStore> {
  if (config.storage.driver !== 'swift') return alreadyOpen(await openConfiguredStore(config, telemetry));
  return OpeningStore.start({
    createDriver: () => createStorage(config, telemetry),
    open: (driver) => openStoreOf(config, driver),
    clock: systemClock,
    log,
  });
}
