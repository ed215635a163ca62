import { isStorageError } from '../ports/storage-driver.js';
import type { ReadOptions } from '../ports/storage-driver.js';

/**
 * Reads, and where nothing is found once more from whichever replica is newest: one that has not got yet what another
 * process was acknowledged a moment ago must not refuse a manifest or a pull.
 */
export async function surely<T>(read: (options: ReadOptions) => Promise<T>): Promise<T> {
  try {
    return await read({});
  } catch (error) {
    if (!isStorageError(error, 'NOT_FOUND')) throw error;
    return read({ fresh: true });
  }
}
