import { StorageError } from '../../src/ports/storage-driver.js';

/** Whether the operating system refused with one of these codes. */
export function hasErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** No file there, as far as a reader is concerned: a directory is no object. */
export function isAbsent(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR');
}

/** For `catch`: undefined where there is no file, any other error again. */
export function ifAbsent(error: unknown): undefined {
  if (!isAbsent(error)) throw error;
  return undefined;
}

/** NOT_FOUND for a file that is not there; anything else is an outage. `what` is a key or a set. */
export function readFailure(what: string, error: unknown): StorageError {
  return isAbsent(error) ? notFound(what) : outage(what, error);
}

export function notFound(what: string): StorageError {
  return new StorageError('NOT_FOUND', `${what} does not exist`);
}

/** UNAVAILABLE, whatever the operating system said; a StorageError stays what it is. */
export function outage(what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const [reason] = String(error instanceof Error ? error.message : error).split(/,|\n/);
  return new StorageError('UNAVAILABLE', `filesystem: ${what}: ${reason}`, { cause: error });
}

/** Runs `step` and makes an outage of whatever it throws. */
export async function orOutage<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw outage(what, error);
  }
}

/**
 * Runs `cleanup` after a failure that the caller goes on to report: what could not be cleaned up as well is
 * garbage that the purge finds, and must not hide the first error.
 */
export async function tidy(cleanup: () => Promise<void>): Promise<void> {
  try {
    await cleanup();
  } catch {
    return;
  }
}
