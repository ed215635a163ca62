import type { Server } from 'node:http';
import type { RequestHandler } from 'express';
import { createApp } from '../http/app.js';
import { sendProblem } from '../http/admin/problem-answer.js';
import { whileAvailable } from '../http/availability.js';
import type { OciDispatcher } from '../http/oci/dispatcher.js';
import type { Readiness } from '../http/ops/health.js';
import { answerNothing, byHostName } from '../http/root-mirror.js';
import { TOKEN_PATHS } from '../http/token/token-routes.js';
import type { RequestScope } from '../ports/request-scope.js';
import { StorageError } from '../ports/storage-driver.js';
import { requireAuthFiles } from './auth-files.js';
import { createListener } from './listener.js';
import { openServedStore } from './served-store.js';
import { startServing } from './serving.js';
import type { Serving, ServingParts } from './serving.js';
import type { OpenStore } from './store.js';
import type { ServedStore } from './store-opener.js';
import { StoreReadiness } from './store-readiness.js';
import { elapsed } from './system.js';
import { createTelemetry } from './telemetry.js';
import { readUpstreams } from './upstreams.js';

/** A server with all its parts, not yet listening. */
export interface ComposedServer {
  readonly server: Server;
  /** For `mirror.root.port`. */
  readonly rootMirror?: Server;
  readonly store: ServedStore;
  /**
   * Is not ready from now on, takes requests for `server.drainDelay` more, lets those in flight finish within
   * `server.drainTimeout`, then closes the storage.
   */
  readonly drain: () => Promise<{ cut: boolean }>;
}

/** Opens the store and puts a server over it together. @throws StartError for a store that cannot be served */
export async function composeServer(parts: ServingParts): Promise<ComposedServer> {
  const telemetry = createTelemetry();
  const store = await openServedStore(parts.config, parts.log, telemetry);
  return assembleServer({ ...parts, telemetry, store });
}

export interface ServerParts extends ServingParts {
  readonly telemetry: RequestScope;
  readonly store: ServedStore;
}

/** A server over a store that may open later. @throws StartError */
export function assembleServer(parts: ServerParts): ComposedServer {
  const { config, log, telemetry, store } = parts;
  requireAuthFiles(config.auth);
  const upstreams = readUpstreams(config);
  let serving: Serving | undefined;
  const serve = (open: OpenStore): Serving => (serving ??= startServing(open, { ...parts, upstreams }));
  store.whenOpen(serve);
  const whileServing = (dispatcherOf: (serving: Serving) => OciDispatcher): OciDispatcher =>
    whileAvailable(() => {
      const { current } = store;
      return current instanceof StorageError ? current : dispatcherOf(serve(current));
    });
  const rootMirror = whileServing((open) => open.rootMirror);
  const { port: rootPort, names: rootNames } = config.mirror.root;
  const everything = whileServing((open) => open.oci);
  const oci = rootNames.length === 0 ? everything : byHostName(rootNames, rootMirror, everything);
  let draining = false;
  const atStore = new StoreReadiness(store, elapsed);
  const readiness: Readiness = () =>
    draining ? Promise.resolve({ ready: false, reason: 'the server is stopping' }) : atStore.look();
  const app = createApp({
    oci,
    readiness,
    tokens: whileOpen(store, (open) => serve(open).tokens),
    admin: adminWhileOpen(store, (open) => serve(open).admin),
  });
  const listener = createListener({ config, log, telemetry, oci, app });
  const beside = { config, log, telemetry, oci: rootMirror, app: answerNothing };
  const root = rootPort === undefined ? undefined : createListener(beside);
  const listeners = root === undefined ? [listener] : [listener, root];
  return {
    server: listener.server,
    ...(root !== undefined && { rootMirror: root.server }),
    store,
    drain: async () => {
      draining = true;
      const drained = await Promise.all(listeners.map(({ drain }) => drain()));
      await serving?.stop();
      await store.close();
      return { cut: drained.some(({ cut }) => cut) };
    },
  };
}

/** A handler that needs the store. */
function whileOpen(store: ServedStore, handlerOf: (open: OpenStore) => RequestHandler): RequestHandler {
  return (req, res, next) => {
    const { current } = store;
    if (current instanceof StorageError) next(TOKEN_PATHS.includes(req.path) ? current : undefined);
    else void handlerOf(current)(req, res, next);
  };
}

/** The same for the admin API. */
function adminWhileOpen(store: ServedStore, handlerOf: (open: OpenStore) => RequestHandler): RequestHandler {
  return (req, res, next) => {
    const { current } = store;
    if (current instanceof StorageError) sendProblem(req, res, current);
    else void handlerOf(current)(req, res, next);
  };
}
