import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';
import { decodeBulkDelete, encodeBulkDelete } from './bulk-delete.js';
import type { SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';

export interface EraseFailure {
  readonly object: string;
  readonly error: StorageError;
}

/** A longer bulk delete may outlast the patience of a request. */
const BULK_DELETES = 1000;

/** Deletes objects, each alone: a large object's segments stay. */
export class ObjectEraser {
  constructor(private readonly client: SwiftClient) {}

  async delete(object: string, signal?: AbortSignal): Promise<void> {
    const { status } = await this.client.sendForHead({ method: 'DELETE', object, signal });
    if (status === 204 || status === 404) return;
    throw swiftFailure(this.client.nameOf({ method: 'DELETE', object }), status);
  }

  /** Tells those that could not be deleted. `bulkDeletes` is what one bulk delete takes; 0 where there is none. */
  async deleteMany(
    objects: readonly string[],
    bulkDeletes: number,
    signal?: AbortSignal,
  ): Promise<readonly EraseFailure[]> {
    const atOnce = Math.min(bulkDeletes, BULK_DELETES);
    if (atOnce < 2 || objects.length < 2) return this.deleteEach(objects, signal);
    const failures: EraseFailure[] = [];
    for (let start = 0; start < objects.length; start += atOnce)
      failures.push(...(await this.deleteInBulk(objects.slice(start, start + atOnce), signal)));
    return failures;
  }

  private async deleteInBulk(
    objects: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly EraseFailure[]> {
    const { container } = this.client.parts;
    const { status, text } = await this.client.sendForText({
      method: 'POST',
      at: 'account',
      query: 'bulk-delete',
      headers: { 'Content-Type': 'text/plain', Accept: 'application/json' },
      body: encodeBulkDelete(container, objects),
      signal,
    });
    const { failure, errors } =
      status === 200
        ? decodeBulkDelete(container, text)
        : { failure: String(status), errors: new Map<string, string>() };
    const failed = objects.flatMap((object) => {
      const reason = failure ?? errors.get(object);
      return reason === undefined ? [] : [{ object, reason }];
    });
    // Whoever sends a token that ran out is told so in the report alone; requests of one object renew it.
    if (failed.length > 0 && failed.every(({ reason }) => reason.startsWith('401')))
      return this.deleteEach(
        failed.map(({ object }) => object),
        signal,
      );
    return failed.map(({ object, reason }) => ({
      object,
      error: new StorageError('UNAVAILABLE', `Swift did not delete ${object}: ${reason}`),
    }));
  }

  private async deleteEach(
    objects: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly EraseFailure[]> {
    const failures: EraseFailure[] = [];
    for (const object of objects) {
      try {
        await this.delete(object, signal);
      } catch (error) {
        if (!isStorageError(error)) throw error;
        failures.push({ object, error });
      }
    }
    return failures;
  }
}
