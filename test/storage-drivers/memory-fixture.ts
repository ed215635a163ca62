import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { DriverFixture } from '../../storage-drivers/driver-suite/driver-suite.js';
import { countingIds } from '../../storage-drivers/driver-suite/subject.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';

export const testClock: Clock = { now: () => Date.now(), every: () => () => undefined };
export const testIds = (): Ids => countingIds();

/** A memory driver in its own store, as `wrap` shows it to the suite. */
export async function memoryFixture(wrap: (driver: StorageDriver) => StorageDriver): Promise<DriverFixture> {
  const driver = createMemoryDriver({ clock: testClock, ids: testIds() });
  return {
    driver: wrap(driver),
    leftovers: async () => {
      const roots = ['docker/registry/v2/', 'stackyard/v1/'];
      const listings = await Promise.all(roots.map((prefix) => driver.list({ prefix, limit: 100 })));
      const { sets } = await driver.segments.list({ limit: 100 });
      return [
        ...listings.flatMap(({ objects }) => objects.map(({ key }) => key)),
        ...sets.map(({ set }) => set),
      ];
    },
    destroy: async () => undefined,
  };
}
