import type { Config } from '../config/index.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { StorageTelemetry } from '../ports/telemetry.js';
import { NewerStore, openFormat, writeFormat } from '../registry/store-format.js';
import type { StoreFormat } from '../registry/store-format.js';
import { StartError } from './listen.js';
import { createStorage } from './storage.js';

/** A store whose format this release can serve. */
export interface OpenStore {
  readonly driver: StorageDriver;
  readonly format: StoreFormat;
}

/** A store that may open later, as it is: it does not answer, or does not admit us. */
export class StoreOutage extends StartError {
  constructor(
    message: string,
    override readonly cause: StorageError,
  ) {
    super(message, { cause });
  }
}

/** The configured store, opened. @throws StoreOutage; StartError, both in one line that names the store */
export async function openConfiguredStore(config: Config, telemetry: StorageTelemetry): Promise<OpenStore> {
  const driver = createStorage(config, telemetry);
  try {
    return await openStoreOf(config, driver);
  } catch (error) {
    await driver.close();
    throw error;
  }
}

/**
 * Opens the store behind the driver. What `storage.shared: true` says is recorded in it, for markers are no longer
 * complete from then on; `false` cannot undo that.
 * @throws StoreOutage; StartError, both in one line that names the store
 */
export async function openStoreOf(config: Config, driver: StorageDriver): Promise<OpenStore> {
  try {
    return { driver, format: await agreedFormat(config, driver) };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const message = `cannot open ${describe(config)}: ${error.message}`;
    if (error instanceof NewerStore || !isStorageError(error, 'UNAVAILABLE', 'THROTTLED')) {
      throw new StartError(message, { cause: error });
    }
    throw new StoreOutage(message, error);
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
