import { createHash } from 'node:crypto';
import type { AdminServices } from '../../src/admin/admin-services.js';
import { AuditLog } from '../../src/audit/audit-log.js';
import { createAdminServices } from '../../src/composition/admin-services.js';
import { processLocks } from '../../src/composition/locks.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import type { Config } from '../../src/config/index.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import type { Locker } from '../../src/ports/locker.js';
import type { Logger } from '../../src/ports/logger.js';
import type { PasswordHasher } from '../../src/ports/password-hasher.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { createRegistry } from '../../src/registry/registry.js';
import { checked } from '../../src/storage/checked.js';
import { runningSmallMirror } from '../mirror/small-mirror.js';
import { DAY, type TestStore } from '../support/in-process.js';

/** Quick, and keeps no password in plain. */
export const hasher: PasswordHasher = {
  hash: async (password) => `hash:${createHash('sha256').update(password).digest('hex')}`,
  matches: async (password, hash) => hash === (await hasher.hash(password)),
};

/** What a server, or a command beside it, works with. */
export interface AdminParts {
  readonly services: AdminServices;
  readonly trail: AuditLog;
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hasher: PasswordHasher;
  readonly locker: Locker;
  readonly close: () => Promise<void>;
}

export function adminParts({ clock, ids, ...store }: TestStore, config: Config): AdminParts {
  const driver = checked(store.driver());
  const locker = processLocks();
  const registry = createRegistry(
    { driver, clock, ids, invalidations: noInvalidations },
    {
      shared: false,
      references: config.registry.references,
      cacheMaxAge: 0,
      manifestCacheBytes: config.cache.manifestBytes,
      uploadMaxAge: 6 * DAY,
      uploadPurgeAfter: 8 * DAY,
    },
  );
  const readOnly = new ReadOnlyMode(driver, clock, noInvalidations);
  const trail = new AuditLog({ driver, clock, ids, log: silentLog }, { strict: [] });
  const mirror =
    config.mirror.upstreams.length === 0
      ? undefined
      : runningSmallMirror({ driver, clock, ids, registry, readOnly });
  return {
    services: createAdminServices(
      {
        driver,
        clock,
        ids,
        hasher,
        locker,
        registry,
        readOnly,
        shared: false,
        mirror: mirror && (() => mirror),
      },
      config,
    ),
    trail,
    driver,
    clock,
    ids,
    hasher,
    locker,
    close: async () => {
      await trail.close();
      await driver.close();
    },
  };
}

const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  flush: () => Promise.resolve(),
};
