import type { Key } from '../domain/keys.js';
import { surely } from '../ports/absence.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/**
 * The JSON record under a key as `parse` understands it, of the newest version that the store has; undefined where
 * there is none.
 * @throws StorageError UNAVAILABLE for one that is unreadable, for unreadable is not absent
 */
export async function readRecord<T>(
  driver: StorageDriver,
  key: Key,
  parse: (record: unknown) => T,
): Promise<T | undefined> {
  const bytes = await readIfThere(driver, key);
  if (bytes === undefined) return undefined;
  try {
    return parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new StorageError('UNAVAILABLE', `the record ${key} is unreadable`, { cause: error });
  }
}

/** Looked for twice: while it is overwritten Swift may find no version of an object. */
export async function readIfThere(driver: StorageDriver, key: Key): Promise<Buffer | undefined> {
  try {
    return await surely(() => driver.read(key, { fresh: true }));
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export async function writeRecord(
  driver: StorageDriver,
  key: Key,
  record: object,
  options: { ifAbsent?: boolean } = {},
): Promise<void> {
  await driver.put(key, Buffer.from(JSON.stringify(record)), options);
}
