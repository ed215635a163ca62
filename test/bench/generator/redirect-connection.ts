import { Connection } from './connection.js';

/** One lane's connection to the host that a server redirects to; opened once, as a client with keep-alive does. */
export class RedirectConnection {
  private open: { readonly host: string; readonly connection: Connection } | undefined;

  async to({ host, hostname, port }: URL): Promise<Connection> {
    if (this.open?.host === host && this.open.connection.usable) return this.open.connection;
    this.close();
    const connection = await Connection.open({ host: hostname, port: Number(port) });
    this.open = { host, connection };
    return connection;
  }

  close(): void {
    this.open?.connection.close();
    this.open = undefined;
  }
}
