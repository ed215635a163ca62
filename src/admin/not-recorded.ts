import { StorageError } from '../ports/storage-driver.js';

/** It is done, and the audit trail does not hold it. */
export class NotRecorded extends StorageError {
  constructor(cause: unknown) {
    const retryAfter = cause instanceof StorageError ? { retryAfter: cause.retryAfter } : {};
    super('UNAVAILABLE', 'it was done, but could not be recorded', { cause, ...retryAfter });
  }
}
