import type { Config } from '../config/index.js';
import { StorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { StorageTelemetry } from '../ports/telemetry.js';
import { openFormat, writeFormat } from '../registry/store-format.js';
import type { StoreFormat } from '../registry/store-format.js';
import { StartError } from './listen.js';
import { createStorage } from './storage.js';

/** A store whose format this release can serve. */
export interface OpenStore {
  readonly driver: StorageDriver;
  readonly format: StoreFormat;
}

/**
 * Opens the configured store. What `storage.shared: true` says is recorded in it, for markers are no longer
 * complete from then on; `false` cannot undo that.
 * @throws StartError in one line that names the store
 */
export async function openConfiguredStore(config: Config, telemetry: StorageTelemetry): Promise<OpenStore> {
  const driver = createStorage(config, telemetry);
  try {
    return { driver, format: await agreedFormat(config, driver) };
  } catch (error) {
    await driver.close();
    if (!(error instanceof StorageError)) throw error;
    throw new StartError(`cannot open ${describe(config)}: ${error.message}`, { cause: error });
  }
}

async function agreedFormat(config: Config, driver: StorageDriver): Promise<StoreFormat> {
  const format = await openFormat(driver);
  const { shared = format.shared } = config.storage;
  if (shared === format.shared) return format;
  if (!shared) {
    throw new StartError(
      `storage.shared is false, but another registry may have written to ${describe(config)}; ` +
        'run stackyard adopt --finish, and leave the key out',
    );
  }
  await writeFormat(driver, { ...format, shared });
  return { ...format, shared };
}

function describe({ storage }: Config): string {
  return storage.driver === 'filesystem'
    ? `the store in ${storage.filesystem.root} (storage.filesystem.root)`
    : `the ${storage.driver} store`;
}
