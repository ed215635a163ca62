import { Readable } from 'node:stream';
import { breakOf } from './upstream-failures.js';
import type { UpstreamError, UpstreamErrorScope } from './upstream-error.js';

/** Received bytes are told in portions of this. */
const PORTION = 1024 * 1024;
const AHEAD_BYTES = 256 * 1024;

export interface BodyParts {
  /** Names upstream, host and question. */
  readonly what: string;
  /** Of whom a break tells something. */
  readonly about: UpstreamErrorScope;
  readonly signal?: AbortSignal | undefined;
  readonly received: (bytes: number) => void;
  /** Told once: with an error where the upstream failed, `whole` where all has come, neither where the reader left. */
  readonly ended: (end: { readonly whole: boolean; readonly error?: UpstreamError }) => void;
}

/** The body of an answer as it comes, no faster than it is read. */
export class UpstreamBody extends Readable {
  private unreported = 0;
  private whole = false;
  private failure: UpstreamError | undefined;
  private isTold = false;
  private readonly onAbort = (): void => {
    this.destroy(asError(this.parts.signal?.reason));
  };

  constructor(
    private readonly source: Readable,
    private readonly parts: BodyParts,
  ) {
    super({ highWaterMark: AHEAD_BYTES });
    source.on('data', (chunk: Buffer) => {
      this.count(chunk.length);
      if (!this.push(chunk)) source.pause();
    });
    source.on('end', () => {
      this.whole = true;
      this.tell();
      this.push(null);
    });
    source.on('error', (error) => {
      if (this.whole || this.destroyed) return;
      this.failure = breakOf(parts.what, error, parts.about);
      this.destroy(this.failure);
    });
    source.pause();
    parts.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  override _read(): void {
    this.source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.parts.signal?.removeEventListener('abort', this.onAbort);
    if (!this.whole) this.source.destroy();
    this.tell();
    callback(error);
  }

  private tell(): void {
    if (this.isTold) return;
    this.isTold = true;
    this.report();
    this.parts.ended({ whole: this.whole, ...(this.failure !== undefined && { error: this.failure }) });
  }

  private count(bytes: number): void {
    this.unreported += bytes;
    if (this.unreported >= PORTION) this.report();
  }

  private report(): void {
    if (this.unreported > 0) this.parts.received(this.unreported);
    this.unreported = 0;
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
