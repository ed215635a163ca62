import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Front } from '../http/front.js';
import type { OciDispatcher } from '../http/oci/dispatcher.js';
import { createHttpServer, drainServer } from '../http/server.js';
import type { Config } from '../config/index.js';
import type { Logger } from '../ports/logger.js';
import type { RequestScope } from '../ports/request-scope.js';
import { systemClock, systemIds } from './system.js';
import { readTls, watchTls } from './tls.js';

/** Below the least that clients wait for headers: 30 s, of containerd. */
const LONGEST_WAIT_MILLISECONDS = 10_000;
/** What handlers may take, once their connections are gone, to record what came of an upload. */
const RECORDING_MILLISECONDS = 5000;

export interface ListenerParts {
  readonly oci: OciDispatcher;
  /** Answers what is not the registry API. */
  readonly app: (req: IncomingMessage, res: ServerResponse) => void;
  readonly config: Config;
  readonly log: Logger;
  readonly telemetry: RequestScope;
}

/** A server and its front, not yet listening. */
export interface Listener {
  readonly server: Server;
  /** Takes requests for `server.drainDelay` more, then lets those in flight finish within `server.drainTimeout`. */
  readonly drain: () => Promise<{ cut: boolean }>;
}

/** With the timeouts, limits and certificate of `server`. @throws StartError for a certificate that is unusable */
export function createListener({ oci, app, config, log, telemetry }: ListenerParts): Listener {
  const { maxRequestsInFlight, headersTimeout, keepAliveTimeout, bodyIdleTimeout, drainDelay, drainTimeout } =
    config.server;
  // A connection on which nothing comes or goes for `bodyIdleTimeout` is cut: its 503 must come before.
  const patience = Math.min(LONGEST_WAIT_MILLISECONDS, bodyIdleTimeout / 2);
  const front = new Front(
    { oci, app, log, clock: systemClock, telemetry, maxInFlight: maxRequestsInFlight, patience },
    systemIds.unique().slice(0, 8),
  );
  const timeouts = { headers: headersTimeout, keepAlive: keepAliveTimeout, bodyIdle: bodyIdleTimeout };
  const server = createHttpServer(front.handle, timeouts, readTls(config));
  const stopLooking = watchTls(server, config, systemClock, log);
  return {
    server,
    drain: async () => {
      stopLooking();
      front.drain();
      if (drainDelay > 0) await delay(drainDelay);
      const drained = await drainServer(server, drainTimeout, () => front.refuseWaiting());
      await front.idle(RECORDING_MILLISECONDS);
      return drained;
    },
  };
}
