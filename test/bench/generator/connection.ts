import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Target } from '../subject.js';

/** The head of an answer; its body went to the sink. */
export interface Answer {
  readonly status: number;
  readonly length: number;
  header(name: string): string | undefined;
}

interface Pending {
  readonly bodiless: boolean;
  readonly sink: ((bytes: Buffer) => void) | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

const readBufferSize = 256 * 1024;
const headLimit = 16 * 1024;
const idleLimit = 60_000;

/**
 * A keep-alive HTTP/1.1 connection by hand: a third of node:http's CPU, and one read buffer for its whole life.
 * It wants Content-Length of every answer with a body, which all measured routes have.
 */
export class Connection {
  private head = '';
  private left = 0;
  private answer: Answer | undefined;
  private pending: Pending | undefined;
  private ended: Error | undefined;

  private readonly socket: Socket;
  private readonly hostHeader: string;

  private constructor(target: Target) {
    this.hostHeader = `${target.host}:${target.port}`;
    this.socket = connect({
      ...target,
      onread: {
        buffer: Buffer.allocUnsafe(readBufferSize),
        callback: (length, buffer) => {
          this.receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    this.socket.setNoDelay(true);
    this.socket.setTimeout(idleLimit, () => this.fail(new Error(`no progress for ${idleLimit} ms`)));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('connection closed')));
  }

  static async open(target: Target): Promise<Connection> {
    const connection = new Connection(target);
    await once(connection.socket, 'connect');
    return connection;
  }

  get usable(): boolean {
    return this.ended === undefined;
  }

  /** One request and its answer. `send` writes the body; the sink's bytes are only valid during its call. */
  async exchange(request: {
    method: string;
    path: string;
    headers: string;
    body?: Buffer;
    send?: (write: (bytes: Buffer) => Promise<void>) => Promise<void>;
    sink?: (bytes: Buffer) => void;
  }): Promise<Answer> {
    if (this.ended) throw this.ended;
    const answered = new Promise<Answer>((resolve, reject) => {
      this.pending = { bodiless: request.method === 'HEAD', sink: request.sink, resolve, reject };
    });
    answered.catch(() => undefined); // awaited below; a failure while the body is sent must not be "unhandled"
    this.socket.cork();
    this.socket.write(
      `${request.method} ${request.path} HTTP/1.1\r\nHost: ${this.hostHeader}\r\n${request.headers}\r\n`,
      'latin1',
    );
    if (request.body) this.socket.write(request.body);
    this.socket.uncork();
    if (request.send) await request.send((bytes) => this.write(bytes));
    return answered;
  }

  close(): void {
    this.fail(new Error('closed by the generator'));
  }

  /** Resolves when the bytes have left the buffer, which may then be used again. */
  private async write(bytes: Buffer): Promise<void> {
    if (this.ended) throw this.ended;
    await new Promise<void>((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  private fail(error: Error): void {
    this.ended ??= error;
    this.socket.destroy();
    this.pending?.reject(this.ended);
    this.pending = undefined;
  }

  private receive(bytes: Buffer): void {
    if (!this.pending) return this.fail(new Error('an answer nobody asked for'));
    let body = bytes;
    if (!this.answer) {
      const before = this.head.length;
      this.head += bytes.toString('latin1', 0, Math.min(bytes.length, headLimit));
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.head.length >= headLimit) this.fail(new Error('an answer with an endless head'));
        return;
      }
      body = bytes.subarray(end + 4 - before);
      this.answer = this.parse(this.head.slice(0, end + 2));
      this.head = '';
      if (!this.answer) return;
      this.left = this.pending.bodiless ? 0 : this.answer.length;
    }
    if (body.length > this.left) return this.fail(new Error('more bytes than Content-Length'));
    this.left -= body.length;
    if (body.length > 0) this.pending.sink?.(body);
    if (this.left === 0) this.finish(this.answer);
  }

  private finish(answer: Answer): void {
    const pending = this.pending;
    this.pending = undefined;
    this.answer = undefined;
    pending?.resolve(answer);
    if (/^close$/i.test(answer.header('connection') ?? '')) this.fail(new Error('closed by the server'));
  }

  private parse(head: string): Answer | undefined {
    const status = Number(head.slice(9, 12));
    const header = (name: string): string | undefined =>
      new RegExp(`\\r\\n${name}: *([^\\r]*)\\r\\n`, 'i').exec(head)?.[1];
    const length = header('content-length') ?? (status === 204 || status === 304 ? '0' : undefined);
    if (length === undefined) {
      this.fail(new Error(`answer ${status} without Content-Length`));
      return undefined;
    }
    return { status, length: Number(length), header };
  }
}
