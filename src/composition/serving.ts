import { setTimeout as delay } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import { AdminApi } from '../admin/admin-api.js';
import type { LogLevelSetting } from '../admin/log-level-setting.js';
import { openAdminAccess } from '../auth/admin-access.js';
import type { AdminAccess } from '../auth/admin-access.js';
import { openAccess } from '../auth/open-access.js';
import type { Config } from '../config/index.js';
import { adminRoutes } from '../http/admin/admin-routes.js';
import { RepeatedRequests } from '../http/admin/repeated-requests.js';
import { createClientOrigin } from '../http/client-origin.js';
import type { ClientOrigin } from '../http/client-origin.js';
import type { OciOptions } from '../http/oci/call.js';
import { createDispatcher } from '../http/oci/dispatcher.js';
import type { OciDispatcher } from '../http/oci/dispatcher.js';
import { RequestAudit } from '../http/oci/request-audit.js';
import { createRedirectPolicy } from '../http/redirect-policy.js';
import { tokenRoutes } from '../http/token/token-routes.js';
import { Reservations } from '../mirror/reservations.js';
import type { Upstream } from '../mirror/upstream/upstream.js';
import type { AccessController } from '../ports/access.js';
import type { Invalidations } from '../ports/invalidations.js';
import type { Locker } from '../ports/locker.js';
import type { LogLevel, Logger } from '../ports/logger.js';
import { ReadOnlyAccess } from '../registry/read-only-access.js';
import { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { ServedRegistry } from '../registry/registry.js';
import { createAdminServices } from './admin-services.js';
import { startAudit } from './audit.js';
import { createAuth, createAuthStore } from './auth.js';
import type { AuthParts } from './auth.js';
import { BcryptThread } from './bcrypt-thread.js';
import { createMirrorEdge } from './mirror-edge.js';
import { createConfiguredMirror } from './mirror.js';
import { openRegistry } from './open-registry.js';
import { startMirror } from './running-mirror.js';
import type { TallyExchange } from './shared-counters.js';
import type { OpenStore } from './store.js';
import { systemClock, systemIds } from './system.js';
import { startWarmTimer } from './warm-timer.js';

/** How often a server looks whether another log level was set. */
const LEVEL_MILLISECONDS = 10_000;
/** What operations may take, once their connections are gone, to come to an end: with all other limits of a stop below 20 s. */
const IDLE_MILLISECONDS = 2000;

export interface ServingParts {
  readonly config: Config;
  readonly log: Logger;
  readonly invalidations: Invalidations;
  readonly locker: Locker;
  /** With the other workers of this server. */
  readonly exchange: TallyExchange;
  /** Lets the log have another level. */
  readonly setLevel?: ((level: LogLevel) => void) | undefined;
}

/** What a server answers over an open store. */
export interface Serving {
  readonly oci: OciDispatcher;
  /** Serves nothing where none is configured. */
  readonly rootMirror: OciDispatcher;
  readonly tokens: RequestHandler;
  readonly admin: RequestHandler;
  readonly stop: () => Promise<void>;
}

export function startServing(
  { driver, format }: OpenStore,
  parts: ServingParts & { readonly upstreams: readonly Upstream[] },
): Serving {
  const { config, log, invalidations, locker, exchange, setLevel, upstreams } = parts;
  const registry = openRegistry(driver, format, config, invalidations);
  const origin = createClientOrigin(config.server);
  const trail = startAudit(driver, config.audit, log);
  const hasher = new BcryptThread();
  const clocked = { driver, clock: systemClock, ids: systemIds };
  const stored = { ...clocked, hasher, log, store: createAuthStore(clocked) };
  const { access, adminAccess, tokens, close } = loginsOf({ ...stored, audit: trail }, config, origin);
  const readOnly = new ReadOnlyMode(driver, systemClock, invalidations);
  const mirror =
    upstreams.length === 0
      ? undefined
      : startMirror(
          { upstreams: upstreams.map(({ name }) => name), log, clock: systemClock, readOnly, exchange },
          (telemetry) =>
            createConfiguredMirror(config, upstreams, { registry, driver, readOnly, locker, log, telemetry }),
        );
  const served: ServedRegistry = mirror?.running.mirror.registry ?? registry;
  const services = createAdminServices(
    {
      ...stored,
      locker,
      registry,
      readOnly,
      shared: format.shared,
      mirror: mirror && (() => mirror.running),
      setLevel,
    },
    config,
  );
  const api = new AdminApi(services, trail);
  const stopWatching = [
    registry.damaged.watch(),
    watchLevel(services.logLevel, log),
    ...(mirror === undefined
      ? []
      : [startWarmTimer(mirror.running, config.mirror.warm, { clock: systemClock, locker, log })]),
  ];
  const dispatched = {
    registry: served,
    access: new ReadOnlyAccess(access, readOnly),
    options: { ...config.registry, ...redirectOf(config, origin) },
    audit: new RequestAudit(trail, (request) => origin.addressOf(request)),
  };
  const edgeRules = { root: config.mirror.root, publicUrl: config.server.publicUrl };
  const { rootMirror, ...edge } = createMirrorEdge(
    dispatched,
    new Reservations(driver),
    upstreams,
    edgeRules,
    origin,
  );
  return {
    oci: createDispatcher({ ...dispatched, ...edge }),
    rootMirror,
    tokens,
    admin: adminRoutes({
      api,
      access: adminAccess,
      repeated: new RepeatedRequests({ driver, clock: systemClock, ids: systemIds, locker }),
      origin,
    }),
    stop: async () => {
      for (const stop of stopWatching) stop();
      await Promise.race([api.idle(), delay(IDLE_MILLISECONDS, undefined, { ref: false })]);
      await mirror?.stop();
      void hasher.close();
      void close();
      await trail.close();
    },
  };
}

interface ComposedLogins {
  readonly access: AccessController;
  readonly adminAccess: AdminAccess;
  readonly tokens: RequestHandler;
  readonly close: () => Promise<void>;
}

function loginsOf(
  parts: AuthParts,
  { auth: rules, server: { publicUrl } }: Config,
  origin: ClientOrigin,
): ComposedLogins {
  if (rules.mode === 'none') {
    const tokens: RequestHandler = (_req, _res, next) => next();
    return {
      access: openAccess,
      adminAccess: openAdminAccess(publicUrl),
      tokens,
      close: async () => undefined,
    };
  }
  const { access, adminAccess, routes, close } = createAuth(parts, rules, origin);
  return { access, adminAccess, tokens: tokenRoutes(routes), close };
}

/** Follows what is set for all servers. Answers how to stop. */
function watchLevel(level: LogLevelSetting, log: Logger): () => void {
  let isKnown = true;
  const look = (): void => {
    level.adopt().then(
      () => (isKnown = true),
      (error: Error) => {
        if (isKnown) log.warn({ reason: error.message }, 'it is not known whether another log level is set');
        isKnown = false;
      },
    );
  };
  look();
  return systemClock.every(LEVEL_MILLISECONDS, look);
}

function redirectOf({ storage }: Config, origin: ClientOrigin): Pick<OciOptions, 'redirect'> {
  const rules = storage.swift.redirect;
  if (storage.driver !== 'swift' || !rules.enabled) return {};
  const policy = createRedirectPolicy(rules, systemClock);
  return { redirect: (name, request) => policy(name, origin.addressOf(request)) };
}
