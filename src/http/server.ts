import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { deferContinue } from './request-body.js';

/** Milliseconds. */
export interface ServerTimeouts {
  readonly headers: number;
  readonly keepAlive: number;
  /** Without a byte in either direction. */
  readonly bodyIdle: number;
}

/** PEM. */
export interface TlsMaterial {
  /** The certificate and its chain. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates, which are then asked for but not required. */
  readonly ca?: string;
}

const MAX_HEADER_BYTES = 32 * 1024;
/** What a client has at least, while the server drains, to send its next request on a connection that was answered. */
const NEXT_REQUEST_MILLISECONDS = 1000;
/** What the last answers may take to reach their clients. */
const LAST_ANSWERS_MILLISECONDS = 250;

/** The connections of a server that sent no request yet; node does not count them as idle. */
const silentConnections = new WeakMap<Server, Set<Socket>>();

/**
 * A node server that never ends a slow honest transfer: no limit on a whole request, only on its headers and
 * on silence.
 */
export function createHttpServer(
  listener: (req: IncomingMessage, res: ServerResponse) => void,
  timeouts: ServerTimeouts,
  tls?: TlsMaterial,
): Server {
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: 0,
    headersTimeout: timeouts.headers,
    keepAliveTimeout: timeouts.keepAlive,
    connectionsCheckingInterval: Math.min(30_000, Math.max(50, timeouts.headers / 2)),
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          ...options,
          ...tls,
          requestCert: tls.ca !== undefined,
          rejectUnauthorized: false,
          handshakeTimeout: timeouts.headers,
          minVersion: 'TLSv1.2',
        });
  server.timeout = timeouts.bodyIdle;
  const silent = new Set<Socket>();
  silentConnections.set(server, silent);
  const handshaking = new Map<string, Socket>();
  const isSilent = (socket: Socket): void => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  };
  server.on('connection', (socket: Socket) => {
    isSilent(socket);
    if (tls === undefined) return;
    const peer = peerOf(socket);
    handshaking.set(peer, socket);
    socket.once('close', () => handshaking.delete(peer));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    // The one that it came over is never that of a request.
    const raw = handshaking.get(peerOf(socket));
    if (raw !== undefined) silent.delete(raw);
    isSilent(socket);
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

/** The name of the client certificate that was checked, where there is one. */
export function certificateNameOf({ socket }: IncomingMessage): string | undefined {
  if (!('authorized' in socket) || socket.authorized !== true) return undefined;
  const { subject } = (socket as TLSSocket).getPeerCertificate();
  const name: unknown = (subject as { CN?: unknown } | undefined)?.CN;
  return typeof name === 'string' ? name : undefined;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}#${remotePort}`;
}

/**
 * Stops accepting, closes idle connections, lets requests in flight finish, and ends what is left after `limit`
 * milliseconds. `refuseWaiting` is called then, and answers how many requests it had answered that nobody handles any
 * more.
 */
export async function drainServer(
  server: Server,
  limit: number,
  refuseWaiting: () => number = () => 0,
): Promise<{ cut: boolean }> {
  let cut = false;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of silentConnections.get(server) ?? []) socket.destroy();
  server.keepAliveTimeout = Math.min(server.keepAliveTimeout, NEXT_REQUEST_MILLISECONDS);
  const end = (): void => {
    server.closeIdleConnections();
    server.getConnections((_, left) => {
      if (left === 0) return;
      cut = true;
      server.closeAllConnections();
    });
  };
  let timer = setTimeout(() => {
    if (refuseWaiting() === 0) end();
    else timer = setTimeout(end, LAST_ANSWERS_MILLISECONDS);
  }, limit);
  await closed;
  clearTimeout(timer);
  return { cut };
}
