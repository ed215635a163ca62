import { REPOSITORIES_PREFIX, listedKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { LegacyObjects } from '../ports/legacy-objects.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { listAll } from '../ports/listing.js';
import { someAtOnce } from './stored-blobs.js';

const UPLOADS = '_uploads/';
const DATA = '/data';

/**
 * What distribution's uploads left behind, by the segments that each names. One that was made a blob without being
 * removed shares the blob's segments: whoever deletes it as distribution does, deletes those too.
 */
export async function legacyUploads(
  driver: StorageDriver,
  legacy: LegacyObjects,
): Promise<ReadonlyMap<string, readonly Key[]>> {
  const found = new Map<string, Key[]>();
  await someAtOnce(uploadData(driver, REPOSITORIES_PREFIX), async (key) => {
    const segments = await segmentsOf(legacy, key);
    if (segments !== undefined) found.set(segments, [...(found.get(segments) ?? []), key]);
  });
  return found;
}

async function segmentsOf(legacy: LegacyObjects, key: Key): Promise<string | undefined> {
  try {
    return (await legacy.inspect(key)).segments;
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Also of repositories that hold nothing else: an upload may have failed at its last step. */
async function* uploadData(driver: StorageDriver, prefix: string): AsyncGenerator<Key> {
  for await (const child of listAll(driver, { prefix, delimiter: '/' })) {
    const component = child.slice(prefix.length);
    if (component === UPLOADS) {
      for await (const key of listAll(driver, { prefix: child }))
        if (key.endsWith(DATA)) yield listedKey(key);
    } else if (!component.startsWith('_') && child.endsWith('/')) {
      yield* uploadData(driver, child);
    }
  }
}
