import { StorageError, type Abortable } from '../ports/storage-driver.js';
import type { StorageOperation } from '../ports/telemetry.js';

/** Sees to it that a driver's operation fails with a StorageError, the signal's reason or its caller's own error. */
export class ErrorGuard {
  constructor(private readonly driver: string) {}

  async run<T>(operation: StorageOperation, { signal }: Abortable, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      signal?.throwIfAborted();
      throw this.known(operation, error);
    }
  }

  /** The same for an operation that reads `body`, whose errors are not the store's: they pass through. */
  async runWith<T>(
    operation: StorageOperation,
    { signal }: Abortable,
    body: AsyncIterable<Uint8Array>,
    step: (watched: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const watched = new WatchedBody(body);
    try {
      return await step(watched);
    } catch (error) {
      signal?.throwIfAborted();
      throw watched.threw(error) ? error : this.known(operation, error);
    }
  }

  private known(operation: StorageOperation, error: unknown): StorageError {
    if (error instanceof StorageError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new StorageError('UNAVAILABLE', `${this.driver}: ${operation}: ${reason}`, { cause: error });
  }
}

/** Remembers what the body threw. */
class WatchedBody implements AsyncIterable<Uint8Array> {
  private failures: unknown[] = [];

  constructor(private readonly body: AsyncIterable<Uint8Array>) {}

  threw(error: unknown): boolean {
    return this.failures.includes(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const iterator = this.body[Symbol.asyncIterator]();
    const failed = (error: unknown): never => {
      this.failures.push(error);
      throw error;
    };
    return {
      next: () => iterator.next().catch(failed),
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    };
  }
}
