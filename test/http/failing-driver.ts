import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';

/** The same driver, throwing UNAVAILABLE from everything while it is `out`. */
export function failing(driver: StorageDriver, state: { out: boolean }): StorageDriver {
  const guard = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(inner, property) {
        const value: unknown = Reflect.get(inner, property);
        if (property === 'segments') return guard(value as object);
        if (typeof value !== 'function') return value;
        return async (...call: unknown[]): Promise<unknown> => {
          if (state.out) throw new StorageError('UNAVAILABLE', 'the store is away', { retryAfter: 7 });
          return (value as (...call: unknown[]) => unknown).apply(inner, call);
        };
      },
    });
  return guard(driver);
}
