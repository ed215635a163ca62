import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { KEY_ROOTS, listedKey } from '../../src/domain/keys.js';
import { listAll } from '../../src/ports/listing.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { FakeClock, fakeIds } from '../support/in-process.js';

/** The target with some of its members replaced. */
export function withFaults<T extends object>(target: T, faults: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const replaced: unknown = Reflect.get(faults, name);
      if (replaced !== undefined) return replaced;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === 'function' ? (own.bind(target) as unknown) : own;
    },
  });
}

/** A driver whose listings show, from `stop` to `catchUp`, what there was at `stop`. */
export class LaggingListings {
  readonly driver: StorageDriver;
  private shown: StorageDriver;

  constructor(private readonly store: StorageDriver) {
    this.shown = store;
    this.driver = withFaults(store, { list: (options) => this.shown.list(options) });
  }

  async stop(): Promise<void> {
    const seen = createMemoryDriver({ clock: new FakeClock(), ids: fakeIds() });
    for (const prefix of KEY_ROOTS) {
      for await (const key of listAll(this.store, { prefix }))
        await seen.put(listedKey(key), Buffer.alloc(0));
    }
    this.shown = seen;
  }

  catchUp(): void {
    this.shown = this.store;
  }
}
