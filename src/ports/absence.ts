import { isStorageError } from './storage-driver.js';
import type { ReadOptions } from './storage-driver.js';

/**
 * Reads, and where nothing is found once more from whichever replica is newest: one that has not got yet what another
 * process was acknowledged a moment ago must not refuse a manifest or a pull. Nor must one that is just overwriting the
 * object: for a moment Swift's object server may find no version of it.
 */
export async function surely<T>(read: (options: ReadOptions) => Promise<T>): Promise<T> {
  try {
    return await read({});
  } catch (error) {
    if (!isStorageError(error, 'NOT_FOUND')) throw error;
    return read({ fresh: true });
  }
}

/** For `catch`: undefined where there is no such object. @throws any other error */
export function undefinedIfAbsent(error: unknown): undefined {
  if (!isStorageError(error, 'NOT_FOUND')) throw error;
}
