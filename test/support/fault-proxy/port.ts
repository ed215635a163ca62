import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const REOPEN_MS = 5000;
const RETRY_MS = 20;

/** A loopback port that a server leaves and comes back to. */
export class Port {
  private number = 0;

  constructor(private readonly server: Server) {}

  get origin(): string {
    return `http://127.0.0.1:${this.number}`;
  }

  /** Listens, at first on a free port, then always on the same; nothing to do where it does already. */
  async open(): Promise<void> {
    if (this.server.listening) return;
    const end = performance.now() + REOPEN_MS;
    for (;;) {
      try {
        await this.listen();
        this.number = (this.server.address() as AddressInfo).port;
        return;
      } catch (error) {
        // While it was closed some connection on this machine may have got the number for its own end.
        const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!isTaken || this.number === 0 || performance.now() > end) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Ends every connection; new ones are refused. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.number, '127.0.0.1', () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }
}
