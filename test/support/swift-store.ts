import type { Context } from 'mocha';
import { systemClock, systemIds } from '../../src/composition/system.js';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { createSwiftDriver } from '../../storage-drivers/swift/swift-driver.js';
import type { SwiftDriverOptions } from '../../storage-drivers/swift/swift-driver.js';
import { startFaultProxy, type FaultProxy } from './fault-proxy/fault-proxy.js';
import { FakeClock, type TestStore } from './in-process.js';
import { swiftBed, type SwiftBed } from './swift-bed.js';

const MIB = 1024 * 1024;

/** Short, so that what fails for good fails within a test. */
export const SHORT_TIMES = { connect: 1000, request: 2000, retry: 1500 };

/** A real Swift behind a proxy of its own that counts and injects faults. */
export interface SwiftBench {
  readonly bed: SwiftBed;
  readonly proxy: FaultProxy;
  /** The account as it is reached by the proxy. */
  readonly account: OpenStackAccount;
  stop(): Promise<void>;
}

export async function swiftBench(context: Context): Promise<SwiftBench> {
  const bed = await swiftBed(context);
  const proxy = await startFaultProxy({ target: new URL(bed.v1.authUrl) });
  const authUrl = bed.v1.authUrl.replace(new URL(bed.v1.authUrl).origin, proxy.origin);
  return { bed, proxy, account: { ...bed.v1, authUrl }, stop: () => proxy.stop() };
}

/** A driver with short deadlines, by default in a store of its own. */
export function swiftDriver(
  account: OpenStackAccount,
  options: Partial<SwiftDriverOptions> = {},
): StorageDriver {
  return createSwiftDriver({
    account,
    clock: systemClock,
    ids: systemIds,
    times: SHORT_TIMES,
    container: 'stackyard-tests',
    prefix: systemIds.unique(),
    segmentBytes: 32 * MIB,
    createTempUrlKey: true,
    ...options,
  });
}

/** For a suite: one real Swift behind a proxy, and before each test a driver in a store of its own. */
export function eachOnSwift(
  given: (made: { swift: SwiftBench; driver: StorageDriver; prefix: string }) => void,
): void {
  let swift: SwiftBench | undefined;
  let driver: StorageDriver | undefined;
  before(async function () {
    swift = await swiftBench(this);
  });
  beforeEach(() => {
    if (swift === undefined) throw new Error('there is no Swift');
    const prefix = systemIds.unique();
    driver = swiftDriver(swift.account, { prefix });
    given({ swift, driver, prefix });
  });
  afterEach(async () => {
    await swift?.proxy.heal();
    await driver?.close();
  });
  after(() => swift?.stop());
}

/** A fresh store in Swift, for servers in this process; the registry's clock stands still, the driver's does not. */
export function swiftStore(
  account: OpenStackAccount,
  options: Partial<SwiftDriverOptions> = {},
): TestStore & { readonly prefix: string } {
  const prefix = systemIds.unique();
  const drivers: StorageDriver[] = [];
  return {
    name: 'swift',
    clock: new FakeClock(),
    ids: systemIds,
    root: '',
    prefix,
    driver: () => {
      const driver = swiftDriver(account, { prefix, ...options });
      drivers.push(driver);
      return driver;
    },
    remove: async () => {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

/** What a server process needs to keep its data in Swift, in a container of its own by default. */
export function swiftEnvironment(
  { credentials, authUrl }: OpenStackAccount,
  container = `e2e-${systemIds.unique()}`,
): Record<string, string> {
  if (credentials.kind !== 'v1') throw new Error('only for accounts of tempauth');
  return {
    STACKYARD_STORAGE_DRIVER: 'swift',
    STACKYARD_STORAGE_SWIFT_CONTAINER: container,
    ST_AUTH: authUrl,
    ST_USER: credentials.user,
    ST_KEY: credentials.key,
  };
}
