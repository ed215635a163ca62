import { Readable } from 'node:stream';
import type { ByteRange } from '../../src/domain/byte-range.js';
import { discard } from './swift-client.js';

/** Bytes before the end of a piece at which the next one is asked for. */
const AHEAD_BYTES = 1024 * 1024;

/** Where the bytes of a body come from. */
export interface PieceSource {
  /** The bytes of a range; may end early, by an error or without one. */
  open(range: ByteRange): Promise<Readable>;
  /**
   * Told when a range ended early, for the `attempt`-th time without a byte more; resolves when it is to
   * be asked for again. @throws what the body then ends with
   */
  again(attempt: number, cause: unknown): Promise<void>;
}

/** Pieces one after the other; the next is opened when the one before is nearly read, so that nobody waits for it. */
export class PieceBody extends Readable {
  private stream: Readable | undefined;
  private opened: { start: number; stream: Promise<Readable> } | undefined;
  private offset: number;
  private failures = 0;
  /** Between two streams. */
  private busy = false;

  constructor(
    private readonly source: PieceSource,
    /** Ascending and without gaps. */
    private readonly pieces: readonly ByteRange[],
    /** The first bytes of the first piece, open already. */
    first?: Readable,
  ) {
    super({ highWaterMark: 256 * 1024 });
    this.offset = pieces[0]?.start ?? 0;
    if (first !== undefined) this.keep(this.offset, Promise.resolve(first));
  }

  override _read(): void {
    if (this.stream !== undefined) this.stream.resume();
    else if (!this.busy) void this.next();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.stream !== undefined) discard(this.stream);
    this.opened?.stream.then(
      (stream) => discard(stream),
      () => undefined,
    );
    callback(error);
  }

  private piece(): ByteRange | undefined {
    return this.pieces.find(({ end }) => end >= this.offset);
  }

  private async next(): Promise<void> {
    this.busy = true;
    const piece = this.piece();
    if (piece === undefined) {
      this.push(null);
      return;
    }
    try {
      const ahead = await this.openedAhead();
      if (this.destroyed) return;
      const stream = ahead ?? (await this.source.open({ start: this.offset, end: piece.end }));
      if (this.destroyed) discard(stream);
      else this.follow(stream, piece);
    } catch (error) {
      await this.retry(error);
    }
  }

  /** Undefined where nothing was opened ahead, or it failed or broke off while it waited: then it is asked for anew. */
  private async openedAhead(): Promise<Readable | undefined> {
    const { opened } = this;
    if (opened?.start !== this.offset) return undefined;
    const stream = await opened.stream.catch(() => undefined);
    this.opened = undefined;
    return stream?.destroyed === true ? undefined : stream;
  }

  private follow(stream: Readable, piece: ByteRange): void {
    this.stream = stream;
    this.busy = false;
    let over = false;
    const ended = (error?: unknown): void => {
      if (over) return;
      over = true;
      this.stream = undefined;
      if (this.destroyed) return;
      if (this.offset > piece.end) void this.next();
      else void this.retry(error ?? new Error(`the answer ended ${piece.end + 1 - this.offset} bytes early`));
    };
    stream.on('data', (chunk: Buffer) => {
      const left = piece.end + 1 - this.offset;
      const wanted = chunk.length > left ? chunk.subarray(0, left) : chunk;
      this.offset += wanted.length;
      this.failures = 0;
      if (left - wanted.length <= AHEAD_BYTES) this.openAhead(piece);
      if (wanted.length > 0 && !this.push(wanted)) stream.pause();
    });
    stream.once('end', () => ended());
    stream.once('error', ended);
    stream.once('close', () => ended());
  }

  private openAhead({ end }: ByteRange): void {
    const start = end + 1;
    if (this.opened !== undefined) return;
    const following = this.pieces.find((piece) => piece.start === start);
    if (following === undefined) return;
    this.keep(start, this.source.open(following));
  }

  /** Until its turn comes: whatever it fails with meanwhile is nobody's concern. */
  private keep(start: number, stream: Promise<Readable>): void {
    this.opened = { start, stream };
    stream.then(
      (kept) => kept.on('error', () => undefined),
      () => undefined,
    );
  }

  private async retry(cause: unknown): Promise<void> {
    this.busy = true;
    this.failures += 1;
    try {
      await this.source.again(this.failures, cause);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!this.destroyed) void this.next();
  }
}
