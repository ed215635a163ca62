import { resolve } from 'node:path';
import { createDriver } from '../../storage-drivers/index.js';
import type { DriverOptions } from '../../storage-drivers/index.js';
import type { Config } from '../config/index.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { StorageTelemetry } from '../ports/telemetry.js';
import { checked } from '../storage/checked.js';
import { instrumented } from '../storage/instrumented.js';
import { processSwiftAccount } from './process-config.js';
import { systemClock, systemIds } from './system.js';

/** The configured driver in its decorators. */
export function createStorage(config: Config, telemetry: StorageTelemetry): StorageDriver {
  const driver = createDriver(
    config.storage.driver,
    { clock: systemClock, ids: systemIds },
    { filesystem: { root: resolve(config.storage.filesystem.root) }, swift: swiftOptions(config) },
  );
  return checked(instrumented(driver, telemetry));
}

export function swiftOptions(config: Config): DriverOptions['swift'] {
  const account = processSwiftAccount(config);
  if (account === undefined) return undefined;
  const { swift } = config.storage;
  return {
    account,
    container: swift.container,
    prefix: swift.prefix ?? '',
    storagePolicy: swift.storagePolicy,
    segmentBytes: swift.segmentBytes,
    createTempUrlKey: swift.redirect.enabled,
    times: { connect: swift.connectTimeout, request: swift.requestTimeout, retry: swift.retryFor },
  };
}
