import { DISTRIBUTION_PREFIX, FORMAT_KEY } from '../domain/keys.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/** The version of the store's layout that this release writes, and the newest that it reads. */
export const STORE_VERSION = 1;

/** What the format object says of a store. */
export interface StoreFormat {
  readonly version: number;
  /** 'distribution' for a store that held another registry's files before ours. */
  readonly origin: 'stackyard' | 'distribution';
  /** Whether another registry may still write to it. */
  readonly shared: boolean;
}

/** The store belongs to a newer release: no waiting helps. */
export class NewerStore extends StorageError {
  constructor(version: number) {
    super(
      'UNAVAILABLE',
      `the store has version ${version}, this release reads up to ${STORE_VERSION}: start a newer release of stackyard`,
    );
  }
}

/**
 * Reads the store's format, and writes it into a store that has none.
 * @throws NewerStore
 */
export async function openFormat(driver: StorageDriver): Promise<StoreFormat> {
  const known = await readFormat(driver);
  if (known !== undefined) return known;
  const { objects } = await driver.list({ prefix: DISTRIBUTION_PREFIX, limit: 1 });
  const adopted = objects.length > 0;
  const format: StoreFormat = {
    version: STORE_VERSION,
    origin: adopted ? 'distribution' : 'stackyard',
    shared: adopted,
  };
  try {
    await driver.put(FORMAT_KEY, encode(format), { ifAbsent: true });
    return format;
  } catch (error) {
    if (!isStorageError(error, 'EXISTS')) throw error;
    return openFormat(driver);
  }
}

export async function writeFormat(driver: StorageDriver, format: StoreFormat): Promise<void> {
  await driver.put(FORMAT_KEY, encode(format));
}

function encode(format: StoreFormat): Buffer {
  return Buffer.from(JSON.stringify(format));
}

/** Undefined for a store that has none yet. @throws NewerStore */
export async function readFormat(driver: StorageDriver): Promise<StoreFormat | undefined> {
  let text: string;
  try {
    text = (await driver.read(FORMAT_KEY, { fresh: true })).toString();
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
  const format = parse(text);
  if (format.version > STORE_VERSION) throw new NewerStore(format.version);
  return format;
}

function parse(text: string): StoreFormat {
  try {
    const value = JSON.parse(text) as Partial<StoreFormat>;
    if (typeof value.version !== 'number') throw new Error('it has no version');
    return { version: value.version, origin: value.origin ?? 'stackyard', shared: value.shared ?? false };
  } catch (error) {
    throw new StorageError('UNAVAILABLE', `${FORMAT_KEY} is unreadable`, { cause: error });
  }
}
