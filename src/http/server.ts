import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { deferContinue } from './request-body.js';

/** Milliseconds. */
export interface ServerTimeouts {
  readonly headers: number;
  readonly keepAlive: number;
  /** Without a byte in either direction. */
  readonly bodyIdle: number;
}

const MAX_HEADER_BYTES = 32 * 1024;
const CLOSE_IDLE_EVERY_MILLISECONDS = 100;

/** The connections of a server that sent no request yet; node does not count them as idle. */
const silentConnections = new WeakMap<Server, Set<Socket>>();

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
  const silent = new Set<Socket>();
  silentConnections.set(server, silent);
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    silent.delete(req.socket);
    listener(req, res);
  });
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    silent.delete(req.socket);
    deferContinue(req);
    listener(req, res);
  });
  return server;
}

/** Stops accepting, lets requests in flight finish, and ends what is left after `limit` milliseconds. */
export async function drainServer(server: Server, limit: number): Promise<{ cut: boolean }> {
  let cut = false;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of silentConnections.get(server) ?? []) socket.destroy();
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MILLISECONDS);
  const timer = setTimeout(() => {
    cut = true;
    server.closeAllConnections();
  }, limit);
  await closed;
  clearTimeout(timer);
  clearInterval(idle);
  return { cut };
}
