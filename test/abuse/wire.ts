import { connect, type Socket } from 'node:net';
import { within } from './deadline.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name; of repeated headers the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const WAIT_MS = 20_000;

/** A connection on which a test writes the bytes of requests itself, malformed ones too. */
export class Wire {
  private chunks: Buffer[] = [];
  private size = 0;
  private wake: () => void = () => undefined;
  private ended = false;
  private readonly gone: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.size += chunk.length;
      this.wake();
    });
    socket.on('error', () => undefined); // a reset shows as the end
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        this.ended = true;
        this.wake();
        resolve();
      });
    });
  }

  static async open({ host, port }: Endpoint): Promise<Wire> {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port, noDelay: true });
    await within(
      `connect to port ${port}`,
      WAIT_MS,
      new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      }),
    );
    return new Wire(socket);
  }

  /** Resolves once the bytes are with the operating system, or can never be. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended) resolve();
      else this.socket.write(bytes, () => resolve());
    });
  }

  /** The next answer, whole; `head` for one to a HEAD request. Fails when the connection ends before. */
  async answer({ head = false }: { head?: boolean } = {}): Promise<Answer> {
    return within('an answer', WAIT_MS, this.next(head));
  }

  /** Resolves once the connection is closed, whoever closed it. */
  async closed(ms = WAIT_MS): Promise<void> {
    await within('the end of the connection', ms, this.gone);
  }

  get isClosed(): boolean {
    return this.ended;
  }

  /** Bytes that came and belong to no answer taken yet. */
  get rest(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }

  /** Ends the connection in good order, as a client that exits. */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.end(resolve));
  }

  /** Ends it by a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private async next(isHead: boolean): Promise<Answer> {
    for (let wanted = 1; ;) {
      if (this.size >= wanted || this.ended) {
        const taken = take(this.rest, isHead, this.ended);
        if (typeof taken === 'object') {
          this.chunks = [taken.rest];
          this.size = taken.rest.length;
          return taken.answer;
        }
        if (this.ended)
          throw new Error(
            `the connection ended after ${JSON.stringify(this.rest.toString('latin1', 0, 200))}`,
          );
        wanted = taken;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** One request on a connection of its own, whatever its bytes. */
export async function exchange(server: Endpoint, request: string | Uint8Array): Promise<Answer> {
  const wire = await Wire.open(server);
  await wire.send(request);
  try {
    return await wire.answer();
  } finally {
    wire.socket.destroy();
  }
}

/** The text of a request without body, or of the head of one with. */
export function head(
  method: string,
  target: string,
  headers: Readonly<Record<string, string | number>> = {},
): string {
  const lines = Object.entries({ Host: 'registry.test', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** One chunk of a chunked body. */
export function chunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** The first answer and what follows it, or how many bytes there must be before it is worth looking again. */
function take(received: Buffer, isHead: boolean, ended: boolean): { answer: Answer; rest: Buffer } | number {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return received.length + 1;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const start = end + 4;
  const bodiless = isHead || status < 200 || status === 204 || status === 304;
  const length = bodiless ? '0' : headers.get('content-length');
  if (length === undefined && !ended) return received.length + 1; // the body ends with the connection
  const stop = length === undefined ? received.length : start + Number(length);
  if (received.length < stop) return stop;
  return { answer: { status, headers, body: received.subarray(start, stop) }, rest: received.subarray(stop) };
}
