import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { deferContinue } from './request-body.js';

/** Milliseconds. */
export interface ServerTimeouts {
  readonly headers: number;
  readonly keepAlive: number;
  /** Without a byte in either direction. */
  readonly bodyIdle: number;
}

const MAX_HEADER_BYTES = 32 * 1024;

/**
 * A node server that never ends a slow honest transfer: no limit on a whole request, only on its headers and
 * on silence.
 */
export function createHttpServer(
  listener: (req: IncomingMessage, res: ServerResponse) => void,
  timeouts: ServerTimeouts,
): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: 0,
    headersTimeout: timeouts.headers,
    keepAliveTimeout: timeouts.keepAlive,
    connectionsCheckingInterval: Math.min(30_000, Math.max(50, timeouts.headers / 2)),
    noDelay: true,
  });
  server.timeout = timeouts.bodyIdle;
  server.on('request', listener);
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    deferContinue(req);
    listener(req, res);
  });
  return server;
}

/** Stops accepting, lets requests in flight finish, and ends what is left after `limit` milliseconds. */
export async function drainServer(server: Server, limit: number): Promise<{ cut: boolean }> {
  let cut = false;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    cut = true;
    server.closeAllConnections();
  }, limit);
  await closed;
  clearTimeout(timer);
  return { cut };
}
