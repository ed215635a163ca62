import type { IncomingMessage, ServerResponse } from 'node:http';
import { collected, type Answer, type AnswerHead, type StreamedAnswer } from './answer.js';
import { pump, sendHead, type Stage } from './pump.js';
import { headerOf, withHeader, withoutHeaders } from './raw-headers.js';
import type { RecordedRequest } from './request-log.js';
import type { RequestTarget } from './request-target.js';
import type { Upstream } from './upstream.js';

/** What happens to the bodies of an exchange on their way. */
export interface Passage {
  readonly up?: Stage;
  readonly down?: Stage;
}

const untouched: Stage = (chunks) => chunks;

/** One request of a client and what becomes of it. */
export class Exchange {
  /** Settles when the client is answered or its connection is gone. */
  readonly over: Promise<void>;
  private whole: Promise<Buffer> | undefined;
  private continued = false;

  constructor(
    private readonly incoming: IncomingMessage,
    private readonly outgoing: ServerResponse,
    private readonly upstream: Upstream,
    readonly target: RequestTarget,
    readonly record: RecordedRequest,
  ) {
    this.over = new Promise((resolve) => outgoing.once('close', resolve));
  }

  get method(): string {
    return this.record.method;
  }

  /** Never to be recorded. */
  get token(): string | undefined {
    return this.header('X-Auth-Token');
  }

  header(name: string): string | undefined {
    return headerOf(this.incoming.rawHeaders, name);
  }

  /** The next login gets another token than this request's. */
  retireToken(): void {
    if (this.token !== undefined) this.upstream.aliases.retire(this.token);
  }

  /** Passes the request on and the answer back, both streaming. */
  async forward({ up = untouched, down = untouched }: Passage = {}): Promise<void> {
    const answer = await this.send(up);
    this.writeHead(answer);
    await pump(this.counted(down(answer.body as AsyncIterable<Buffer>)), this.outgoing);
    this.outgoing.end();
  }

  /** Has the real server do it, and keeps its answer from the client. */
  async perform(): Promise<Answer> {
    return collected(await this.send(untouched));
  }

  /** Answers in the server's place. What the client still sends is read and dropped. */
  answer({ status, reason, headers, body }: Answer): void {
    const isHead = this.method === 'HEAD';
    const hasLength = status !== 204 && status !== 304;
    let fitting = withoutHeaders(headers, isHead || !hasLength ? [] : ['content-length']);
    if (hasLength && headerOf(fitting, 'Content-Length') === undefined) {
      fitting = withHeader(fitting, 'Content-Length', String(body.length));
    }
    this.writeHead({ status, reason, headers: fitting });
    if (!isHead) this.record.bytesDown += body.length;
    this.outgoing.end(isHead ? undefined : body);
    this.incoming.resume();
  }

  /** Asks the real server something in the client's name. */
  ask(method: string, path: string): Promise<Answer> {
    const kept = ['Host', 'X-Auth-Token'].flatMap((name) => {
      const value = this.header(name);
      return value === undefined ? [] : [name, value];
    });
    return this.upstream.ask({ method, path, headers: kept });
  }

  /** The request's body, for small ones; it is passed on all the same. */
  body(): Promise<Buffer> {
    this.whole ??= this.readBody();
    return this.whole;
  }

  /** Reads the request's body to its end and drops it. */
  async drain(): Promise<void> {
    this.continue();
    const chunks = this.chunks();
    while ((await chunks.next()).done !== true);
  }

  /** Ends the client's connection by RST. */
  reset(): void {
    this.incoming.socket.resetAndDestroy();
  }

  /** Closes the client's connection once what was written is sent. */
  close(): void {
    this.incoming.socket.destroySoon();
  }

  private send(up: Stage): Promise<StreamedAnswer> {
    const onward = this.upstream.open({
      method: this.method,
      path: this.target.raw,
      headers: this.incoming.rawHeaders,
    });
    const { socket } = this.incoming;
    const onGone = (): unknown => onward.destroy();
    socket.once('close', onGone);
    onward.once('close', () => socket.off('close', onGone));
    onward.on('continue', () => this.continue());
    const answered = this.upstream.answerTo(onward);
    pump(up(this.chunks()), onward).then(
      () => onward.end(),
      // The server answered early and stopped reading (its answer counts), or the client is gone (so is `onward`).
      () => this.incoming.resume(),
    );
    return answered;
  }

  private continue(): void {
    if (this.incoming.headers.expect === undefined || this.continued || this.outgoing.headersSent) return;
    this.continued = true;
    this.outgoing.writeContinue();
  }

  private async readBody(): Promise<Buffer> {
    this.continue();
    const chunks: Buffer[] = [];
    for await (const chunk of this.received()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  private async *chunks(): AsyncGenerator<Buffer, void> {
    if (this.whole === undefined) yield* this.received();
    else yield await this.whole;
  }

  private async *received(): AsyncGenerator<Buffer, void> {
    const source = this.incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of source) {
      this.record.bytesUp += chunk.length;
      yield chunk;
    }
  }

  private async *counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of chunks) {
      this.record.bytesDown += chunk.length;
      yield chunk;
    }
  }

  private writeHead({ status, reason, headers }: AnswerHead): void {
    // Otherwise node:http adds its own where the server sent none.
    this.outgoing.sendDate = false;
    for (const name of ['connection', 'content-length', 'transfer-encoding'])
      this.outgoing.removeHeader(name);
    this.record.status = status;
    this.outgoing.writeHead(status, reason, headers as string[]);
    sendHead(this.outgoing);
  }
}
