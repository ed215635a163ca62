import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { systemIds } from '../../src/composition/system.js';
import type { DriverFixture } from '../../storage-drivers/driver-suite/driver-suite.js';
import type { SwiftBed } from '../support/swift-bed.js';
import { swiftDriver } from '../support/swift-store.js';

const CONTAINER = 'driver-suite';

/** A Swift driver under a prefix of its own; what is left is what Swift itself lists. */
export async function swiftFixture(bed: SwiftBed): Promise<DriverFixture> {
  const prefix = systemIds.unique();
  const open = (): StorageDriver =>
    swiftDriver(bed.v1, {
      container: CONTAINER,
      prefix,
      times: { connect: 5000, request: 20_000, retry: 10_000 },
    });
  const driver = open();
  const others: StorageDriver[] = [];
  return {
    driver,
    reopen: async () => {
      const other = open();
      others.push(other);
      return other;
    },
    leftovers: async () => {
      const { body } = await bed.request('GET', `/${CONTAINER}?prefix=${prefix}`);
      return body
        .toString()
        .split('\n')
        .filter((name) => name !== '');
    },
    destroy: async () => {
      await Promise.all(others.map((other) => other.close()));
    },
  };
}
