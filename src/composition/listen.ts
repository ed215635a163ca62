import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What went wrong with starting, in one line for people. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** What a host and a port are set by. */
interface Keys {
  readonly host: string;
  readonly port: string;
}

/** @throws StartError that names the port and what to do */
export function listen(
  server: Server,
  host: string,
  port: number,
  keys: Keys = { host: 'HOST', port: 'PORT' },
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new StartError(reasonOf(error, host, port, keys))),
    );
    server.listen({ host, port }, () => resolve(server.address() as AddressInfo));
  });
}

function reasonOf(error: NodeJS.ErrnoException, host: string, port: number, keys: Keys): string {
  const where = `cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: the port is taken; stop what listens there or set ${keys.port} to a free one`;
    case 'EACCES':
      return `${where}: this user may not open the port; set ${keys.port} to one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where}: this machine has no such address; set ${keys.host} to one it has`;
    default:
      return `${where}: ${error.message}`;
  }
}
