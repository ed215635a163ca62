import type { StorageDriver } from '../../src/ports/storage-driver.js';

/** The same driver, with other answers of some methods. */
export function withMethods(driver: StorageDriver, methods: Partial<StorageDriver>): StorageDriver {
  return new Proxy(driver, {
    get: (target, name) => {
      const own: unknown = Reflect.get(target, name);
      if (name in methods) return Reflect.get(methods, name) as unknown;
      return typeof own === 'function' ? (own.bind(target) as unknown) : own;
    },
  });
}
