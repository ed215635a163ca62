import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BufferBudget } from './buffer-budget.js';

/** Requests whose sender waits for `100 Continue` (RFC 9110 §10.1.1) and was not told yet. */
const awaitingContinue = new WeakSet<IncomingMessage>();

/** To be called for requests of the server's `checkContinue` event. */
export function deferContinue(req: IncomingMessage): void {
  awaitingContinue.add(req);
}

/** Whether the sender of this request still holds back its body. */
export function holdsBackBody(req: IncomingMessage): boolean {
  return awaitingContinue.has(req);
}

/** Lets a sender that waits for `100 Continue` begin. */
export function continueBody(req: IncomingMessage, res: ServerResponse): void {
  if (awaitingContinue.delete(req)) res.writeContinue();
}

/** The body of a request, streamed with back-pressure; a sender that goes away ends it, with `interrupted`. */
export class RequestBody implements AsyncIterable<Uint8Array> {
  /** Bytes as announced; undefined for a chunked body, 0 for a request without body. */
  readonly length: number | undefined;
  interrupted = false;

  constructor(
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
  ) {
    const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
    this.length = encoding !== undefined ? undefined : Number(length ?? 0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    continueBody(this.req, this.res);
    try {
      // The socket must outlive an unfinished iteration, to carry the answer.
      yield* this.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      if (!isDisconnect(this.req, error)) throw error;
    }
    this.interrupted = !this.req.complete;
  }

  /** Reads and drops what there is, up to `limit` bytes; answers whether that was all. */
  async discard(limit: number): Promise<boolean> {
    if (this.length === 0) return true;
    let dropped = 0;
    for await (const chunk of this) {
      dropped += chunk.byteLength;
      if (dropped > limit) return false;
    }
    return !this.interrupted;
  }

  /** What `use` makes of the whole body, held within the budget meanwhile; of undefined if it is longer than `limit` bytes. */
  async whole<T>(
    limit: number,
    budget: BufferBudget,
    use: (bytes: Buffer | undefined) => Promise<T>,
  ): Promise<T> {
    let held = 0;
    const take = (bytes: number): void => {
      budget.take(bytes);
      held += bytes;
    };
    try {
      return await use(await this.bytes(limit, take));
    } finally {
      budget.give(held);
    }
  }

  private async bytes(limit: number, take: (bytes: number) => void): Promise<Buffer | undefined> {
    if (this.length !== undefined && this.length > limit) return undefined;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this) {
      size += chunk.byteLength;
      if (size > limit) return undefined;
      take(chunk.byteLength);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }
}

function isDisconnect(req: IncomingMessage, error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return !req.complete && (req.destroyed || code === 'ECONNRESET');
}
