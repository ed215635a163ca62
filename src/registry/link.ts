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
  return digestIn(await driver.read(key, options), key);
}

/** As `readLink`, with the time at which the link was written; one request. */
export async function readDatedLink(
  driver: StorageDriver,
  key: Key,
  options?: ReadOptions,
): Promise<{ digest: Digest; writtenAt: Date }> {
  const { stat, body } = await driver.get(key, options);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return { digest: digestIn(Buffer.concat(chunks), key), writtenAt: stat.lastModified };
}

function digestIn(link: Buffer, key: Key): Digest {
  try {
    return Digest.parse(link.toString('latin1').trim());
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
