import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { AdminApi } from '../admin/admin-api.js';
import type { AdminServices } from '../admin/admin-services.js';
import type { RunningMirror } from '../admin/mirror-administration.js';
import { problemOf } from '../admin/problem-of.js';
import { ApiProblem } from '../api/admin-connection.js';
import type { AdminConnection } from '../api/admin-connection.js';
import type { Config } from '../config/index.js';
import { allowedEverything } from '../ports/admin-caller.js';
import type { AuditTrail } from '../ports/audit.js';
import { ReadOnlyMode } from '../registry/read-only-mode.js';
import { createAdminServices } from './admin-services.js';
import { startAudit } from './audit.js';
import { BcryptThread } from './bcrypt-thread.js';
import { StartError } from './listen.js';
import { processLocks } from './locks.js';
import { createLogger } from './logger.js';
import { createConfiguredMirror } from './mirror.js';
import type { ConfiguredMirrorParts } from './mirror.js';
import { openRegistry } from './open-registry.js';
import { startMirror } from './running-mirror.js';
import type { StartedMirror } from './running-mirror.js';
import { noExchange } from './shared-counters.js';
import { StoreOutage, openConfiguredStore } from './store.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';
import { readUpstreams } from './upstreams.js';
import { noInvalidations } from './worker-bus.js';

/** The admin API upon the store of a configuration, beside a server or without one. @throws StartError; ApiProblem unavailable */
export async function openLocalAdmin(config: Config): Promise<AdminConnection> {
  if (config.storage.driver === 'memory') {
    throw new StartError(
      "a memory store is its server's alone: ask that server (--server), or set storage.driver to filesystem or swift",
    );
  }
  await requireOwner(config);
  const { driver, format } = await openConfiguredStore(config, createTelemetry()).catch((error: unknown) => {
    if (!(error instanceof StoreOutage)) throw error;
    throw new ApiProblem('unavailable', error.message, { cause: error });
  });
  const hasher = new BcryptThread();
  const log = createLogger('silent');
  const trail = startAudit(driver, config.audit, log);
  const locker = processLocks();
  const registry = openRegistry(driver, format, config, noInvalidations);
  const readOnly = new ReadOnlyMode(driver, systemClock, noInvalidations);
  const mirror = mirrorOnDemand(config, { registry, driver, locker, log, readOnly });
  const services = createAdminServices(
    {
      driver,
      clock: systemClock,
      ids: systemIds,
      hasher,
      locker,
      shared: format.shared,
      registry,
      readOnly,
      mirror: mirror.running,
    },
    config,
  );
  return localAdmin(services, trail, async () => {
    await mirror.stop();
    await trail.close();
    await hasher.close();
    await driver.close();
  });
}

/** Most commands need neither the mirror nor the files of its upstreams. */
function mirrorOnDemand(
  config: Config,
  parts: Omit<ConfiguredMirrorParts, 'telemetry'> & { readonly readOnly: ReadOnlyMode },
): { readonly running?: () => RunningMirror; readonly stop: () => Promise<void> } {
  if (config.mirror.upstreams.length === 0) return { stop: async () => undefined };
  let started: StartedMirror | undefined;
  const start = (): StartedMirror => {
    const upstreams = readUpstreams(config);
    const names = upstreams.map(({ name }) => name);
    const surroundings = { ...parts, upstreams: names, clock: systemClock, exchange: noExchange };
    return startMirror(surroundings, (telemetry) =>
      createConfiguredMirror(config, upstreams, { ...parts, telemetry }),
    );
  };
  return {
    running: () => (started ??= start()).running,
    stop: async () => started?.stop(),
  };
}

/** The services as the one who runs this process asks for them. */
export function localAdmin(
  services: AdminServices,
  trail: AuditTrail,
  close: () => Promise<void>,
): AdminConnection {
  const api = new AdminApi(services, trail);
  const caller = allowedEverything({ by: `local:${userInfo().username}` });
  return {
    name: 'this store',
    call: (id, { version, ...given } = {}) => told(() => api.call(id, { ...given, version }, caller)),
    upload: (id, given, { body, signal }) =>
      told(async () => (await api.call(id, { ...given, archive: body, signal }, caller)).value),
    download: (id, given) =>
      told(async () => {
        const { download } = await api.call(id, given, caller);
        if (download === undefined) throw new Error(`${id} is no download`);
        return download;
      }),
    close,
  };
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = problemOf(error);
    throw code === 'internal' ? error : new ApiProblem(code, (error as Error).message, { cause: error });
  }
}

/** What root writes for itself alone a server of another user could not read. @throws StartError */
async function requireOwner({ storage }: Config): Promise<void> {
  if (storage.driver !== 'filesystem' || process.geteuid?.() !== 0) return;
  const { root } = storage.filesystem;
  const uid = await stat(root).then(
    (found) => found.uid,
    () => 0,
  );
  if (uid !== 0)
    throw new StartError(
      `${root} belongs to user ${uid}: run this as that user, such as by sudo -u '#${uid}'`,
    );
}
