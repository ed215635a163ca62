import type { Server } from 'node:http';
import { openAccess } from '../auth/open-access.js';
import type { Config } from '../config/index.js';
import { FORMAT_KEY } from '../domain/keys.js';
import { createApp } from '../http/app.js';
import { Front } from '../http/front.js';
import { createDispatcher } from '../http/oci/dispatcher.js';
import { createHttpServer, drainServer } from '../http/server.js';
import type { Readiness } from '../http/ops/health.js';
import type { Invalidations } from '../ports/invalidations.js';
import type { Logger } from '../ports/logger.js';
import { createRegistry } from '../registry/registry.js';
import { openConfiguredStore } from './store.js';
import type { OpenStore } from './store.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';

/** What handlers may take, once their connections are gone, to record what came of an upload. */
const RECORDING_MILLISECONDS = 5000;

/** A server with all its parts, not yet listening. */
export interface ComposedServer {
  readonly server: Server;
  readonly store: OpenStore;
  /** Lets requests in flight finish within `server.drainTimeout`, then closes the storage. */
  readonly drain: () => Promise<{ cut: boolean }>;
}

/** Opens the store and puts a server over it together. @throws StartError for a store that cannot be served */
export async function composeServer(
  config: Config,
  log: Logger,
  invalidations: Invalidations,
): Promise<ComposedServer> {
  const telemetry = createTelemetry();
  const store = await openConfiguredStore(config, telemetry);
  const { driver, format } = store;
  const registry = createRegistry(
    { driver, clock: systemClock, ids: systemIds, invalidations },
    {
      shared: format.shared,
      references: config.registry.references,
      cacheMaxAge: config.cache.maxAge,
      manifestCacheBytes: config.cache.manifestBytes,
      uploadMaxAge: config.uploads.maxAge,
      uploadPurgeAfter: config.uploads.purgeAfter,
    },
  );
  let draining = false;
  const readiness: Readiness = async () => {
    if (draining) return { ready: false, reason: 'the server is stopping' };
    try {
      await driver.stat(FORMAT_KEY, { fresh: true });
      return { ready: true };
    } catch (error) {
      return { ready: false, reason: `the storage does not answer: ${(error as Error).message}` };
    }
  };
  const oci = createDispatcher({ registry, access: openAccess, options: config.registry });
  const front = new Front(
    {
      oci,
      app: createApp({ oci, readiness }),
      log,
      clock: systemClock,
      telemetry,
      maxInFlight: config.server.maxRequestsInFlight,
    },
    systemIds.unique().slice(0, 8),
  );
  const server = createHttpServer(front.handle, {
    headers: config.server.headersTimeout,
    keepAlive: config.server.keepAliveTimeout,
    bodyIdle: config.server.bodyIdleTimeout,
  });
  return {
    server,
    store,
    drain: async () => {
      draining = true;
      front.drain();
      const { cut } = await drainServer(server, config.server.drainTimeout);
      await front.idle(RECORDING_MILLISECONDS);
      await driver.close();
      return { cut };
    },
  };
}
