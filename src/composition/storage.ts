import { resolve } from 'node:path';
import { createDriver } from '../../storage-drivers/index.js';
import type { Config } from '../config/index.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { StorageTelemetry } from '../ports/telemetry.js';
import { checked } from '../storage/checked.js';
import { instrumented } from '../storage/instrumented.js';
import { systemClock, systemIds } from './system.js';

/** The configured driver in its decorators. */
export function createStorage(config: Config, telemetry: StorageTelemetry): StorageDriver {
  const driver = createDriver(
    config.storage.driver,
    { clock: systemClock, ids: systemIds },
    { filesystem: { root: resolve(config.storage.filesystem.root) } },
  );
  return checked(instrumented(driver, telemetry));
}
