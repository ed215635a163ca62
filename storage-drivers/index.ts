import type { Clock } from '../src/ports/clock.js';
import type { Ids } from '../src/ports/ids.js';
import type { StorageDriver } from '../src/ports/storage-driver.js';
import { createFilesystemDriver } from './filesystem/filesystem-driver.js';
import { createMemoryDriver } from './memory/memory-driver.js';
import { createSwiftDriver } from './swift/swift-driver.js';
import type { SwiftOptions } from './swift/swift-driver.js';

/** What a driver is made from. */
export interface DriverParts {
  readonly clock: Clock;
  readonly ids: Ids;
}

/** The configuration of every driver, by its name. */
export interface DriverOptions {
  readonly filesystem: { readonly root: string };
  /** Undefined unless the driver is Swift's. */
  readonly swift?: SwiftOptions | undefined;
}

export type DriverName = keyof typeof DRIVERS;

const DRIVERS = {
  filesystem: (parts: DriverParts, options: DriverOptions) =>
    createFilesystemDriver({ ...parts, root: options.filesystem.root }),
  memory: (parts: DriverParts) => createMemoryDriver(parts),
  swift: (parts: DriverParts, { swift }: DriverOptions) => {
    if (swift === undefined) throw new TypeError('the swift driver has no account');
    return createSwiftDriver({ ...parts, ...swift });
  },
} satisfies Record<string, (parts: DriverParts, options: DriverOptions) => StorageDriver>;

/** Makes the driver of this name. */
export function createDriver(name: DriverName, parts: DriverParts, options: DriverOptions): StorageDriver {
  return DRIVERS[name](parts, options);
}
