import { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import type { Key } from '../domain/keys.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { ReadOptions, StorageDriver } from '../ports/storage-driver.js';

/**
 * The digest that a link holds.
 * @throws StorageError NOT_FOUND; UNAVAILABLE for a link that holds no digest, for unreadable is not absent
 */
export async function readLink(driver: StorageDriver, key: Key, options?: ReadOptions): Promise<Digest> {
  const text = (await driver.read(key, options)).toString('latin1').trim();
  try {
    return Digest.parse(text);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new StorageError('UNAVAILABLE', `the link ${key} holds no digest: ${error.message}`, {
      cause: error,
    });
  }
}

/**
 * Makes the link hold the digest, also where something else is there (a power failure may have emptied it).
 * Answers whether there was none before.
 */
export async function writeLink(driver: StorageDriver, key: Key, digest: Digest): Promise<boolean> {
  const text = digest.toString();
  try {
    await driver.put(key, Buffer.from(text), { ifAbsent: true });
    return true;
  } catch (error) {
    if (!isStorageError(error, 'EXISTS')) throw error;
  }
  if (!(await holds(driver, key, text))) await driver.put(key, Buffer.from(text));
  return false;
}

async function holds(driver: StorageDriver, key: Key, text: string): Promise<boolean> {
  try {
    return (await driver.read(key, { fresh: true })).toString('latin1').trim() === text;
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}
