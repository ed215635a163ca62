import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline, Transform, type TransformCallback } from 'node:stream';

/** What went through since the start. */
export interface Traffic {
  /** Of the answers, their heads included. */
  readonly bytes: number;
  readonly requests: number;
}

/** Shorter waits than a timer can keep are left to the next chunk. */
const LEAST_WAIT = 2;

const END_OF_HEAD = '\r\n\r\n';

/** The one line that all connections share: who has sent a chunk has it for as long as the chunk takes. */
export class Line {
  private free = 0;

  /** Milliseconds from `now` until the bytes are through, at a rate of bytes a second. */
  wait(bytes: number, bytesPerSecond: number, now: number): number {
    this.free = Math.max(this.free, now) + (bytes / bytesPerSecond) * 1000;
    return this.free - now;
  }
}

/** Counts requests that have no bodies. */
export class RequestCount {
  private tail = '';

  /** How many heads end in this chunk. */
  add(chunk: Buffer): number {
    const parts = (this.tail + chunk.toString('latin1')).split(END_OF_HEAD);
    this.tail = (parts.at(-1) ?? '').slice(1 - END_OF_HEAD.length);
    return parts.length - 1;
  }
}

/** Stands before an HTTP server that is asked for things only, counts what it is asked and gives, and may slow it down. */
export class CountingProxy {
  /** Bytes a second of all answers together; undefined for as fast as it goes. Holds from the next chunk on. */
  limit: number | undefined;
  private readonly line = new Line();
  private readonly sockets = new Set<Socket>();
  private bytes = 0;
  private requests = 0;

  private constructor(private readonly server: Server) {}

  static async start(upstream: { readonly host: string; readonly port: number }): Promise<CountingProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new CountingProxy(server);
    server.on('connection', (client) => proxy.join(client, connect({ ...upstream, noDelay: true })));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get traffic(): Traffic {
    const { bytes, requests } = this;
    return { bytes, requests };
  }

  /** Cuts what is still going on. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private join(client: Socket, upstream: Socket): void {
    const count = new RequestCount();
    const asked = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.requests += count.add(chunk);
        done(null, chunk);
      },
    });
    const given = new Transform({
      transform: (chunk: Buffer, _encoding, done) => this.give(chunk, done),
    });
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    }
    // Whichever side breaks, the other sees its connection end; that is all there is to tell.
    pipeline(client, asked, upstream, () => undefined);
    pipeline(upstream, given, client, () => undefined);
  }

  private give(chunk: Buffer, done: TransformCallback): void {
    this.bytes += chunk.byteLength;
    const wait =
      this.limit === undefined ? 0 : this.line.wait(chunk.byteLength, this.limit, performance.now());
    if (wait < LEAST_WAIT) done(null, chunk);
    else setTimeout(done, wait, null, chunk);
  }
}
