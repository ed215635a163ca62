import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** What one login sent. */
export interface SeenLogin {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface PlayedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, a string as it is. */
  readonly body?: unknown;
}

/** A played Keystone or tempauth. */
export interface IdentityService {
  /** Without a path. */
  readonly url: string;
  readonly seen: SeenLogin[];
  /** What comes next and from then on; `hang` never answers. */
  answer: PlayedAnswer | 'hang';
  /** How many connections are open. */
  connections(): number;
  close(): Promise<void>;
}

/** Listens on a free port of loopback, with TLS where a certificate is given. */
export async function playIdentity(
  answer: PlayedAnswer | 'hang',
  tls?: { readonly key: string; readonly cert: string },
): Promise<IdentityService> {
  const sockets = new Set<Socket>();
  const seen: SeenLogin[] = [];
  const handle: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      if (service.answer === 'hang') return;
      const { status = 200, headers: told = {}, body = '' } = service.answer;
      response.writeHead(status, { 'content-type': 'application/json', ...told });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  };
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const service: IdentityService = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    answer,
    connections: () => sockets.size,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
  return service;
}

/** Keystone's answer to a login, with these endpoints of object-store. */
export function keystoneToken(
  endpoints: readonly { interface: string; region: string; url: string }[],
  { id = 'token-1', lifeSeconds = 3600 } = {},
): PlayedAnswer {
  const issued = Date.UTC(2030, 0, 1);
  const token = {
    issued_at: new Date(issued).toISOString(),
    expires_at: new Date(issued + lifeSeconds * 1000).toISOString(),
    project: { id: 'p', name: 'p' },
    catalog: [
      { type: 'identity', name: '', endpoints: [] },
      { type: 'object-store', name: '', endpoints },
      { type: 'image', name: '', endpoints: [] },
    ],
  };
  return { status: 201, headers: { 'x-subject-token': id }, body: { token } };
}
