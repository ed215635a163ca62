import { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import type { Key } from '../domain/keys.js';
import { StorageError } from '../ports/storage-driver.js';
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
