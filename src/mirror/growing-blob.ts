import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import { GrowingBody } from './growing-body.js';

/** The first bytes of a blob, as far as they lie in the store. */
export interface StoredBytes {
  /** How many. */
  readonly bytes: number;
  /** Whether a chunk is the reader's only until it takes the next one. */
  readonly lent?: boolean;
  /** Those from an offset on. */
  open(from: number): Promise<Readable>;
}

/** Somebody who reads it. */
export interface BlobReader {
  /** The next byte that it wants. */
  readonly position: number;
  /** There may be more to read. */
  more(): void;
}

/**
 * A blob while it is being taken. Its latest bytes are held in memory, the earlier ones are read from the store as soon
 * as they lie there: however slowly somebody reads, nobody else waits and no more is held. The last byte is readable
 * only once the whole proved to have its digest.
 */
export class GrowingBlob {
  private readonly readers = new Set<BlobReader>();
  private onProgress: () => void = () => undefined;
  private held: Buffer[] = [];
  private heldBytes = 0;
  /** Bytes taken so far. */
  private taken = 0;
  private stored: StoredBytes | undefined;
  private verified = false;
  private failure: Error | undefined;

  constructor(
    /** Bytes. */
    readonly size: number,
    /** The most that is held in memory. */
    private window: number,
  ) {}

  /** The next bytes; they must not change any more. */
  push(chunk: Buffer): void {
    this.taken += chunk.byteLength;
    this.held.push(chunk);
    this.heldBytes += chunk.byteLength;
    while (this.heldBytes > this.window) this.heldBytes -= this.held.shift()?.byteLength ?? 0;
    this.tell();
  }

  /** Whatever was stored before is no longer asked for. */
  store(stored: StoredBytes): void {
    this.stored = stored;
    this.taken = Math.max(this.taken, stored.bytes);
    this.tell();
  }

  /** It is taken once more from its beginning; who has read some of it waits for the rest. */
  restart(window: number): void {
    this.window = window;
    this.held = [];
    this.heldBytes = 0;
    this.taken = 0;
    this.stored = undefined;
  }

  /** All of it has the digest. */
  release(): void {
    this.verified = true;
    this.tell();
  }

  fail(error: Error): void {
    this.failure = error;
    this.tell();
  }

  /** Fails with what `fail` is told. */
  read(range: ByteRange = { start: 0, end: this.size - 1 }): Readable {
    return new GrowingBody(this, range);
  }

  get failed(): Error | undefined {
    return this.failure;
  }

  /** Bytes held in memory from the position on; undefined where there are none. */
  heldAt(position: number): Buffer | undefined {
    const readable = this.verified ? this.taken : Math.min(this.taken, this.size - 1);
    let start = this.taken - this.heldBytes;
    if (position < start || position >= readable) return undefined;
    for (const chunk of this.held) {
      const end = start + chunk.byteLength;
      if (position < end) return chunk.subarray(position - start, Math.min(end, readable) - start);
      start = end;
    }
    return undefined;
  }

  /** What lies in the store beyond the position, readable up to `end`; undefined where nothing does. */
  storedAt(position: number): { readonly stored: StoredBytes; readonly end: number } | undefined {
    const { stored } = this;
    if (stored === undefined) return undefined;
    const end = this.verified ? stored.bytes : Math.min(stored.bytes, this.size - 1);
    return position < end ? { stored, end } : undefined;
  }

  /** Bytes in memory that not even the foremost reader has read; 0 where nobody reads them. */
  get unread(): number {
    const start = this.taken - this.heldBytes;
    let foremost = -1;
    for (const { position } of this.readers) if (position >= start) foremost = Math.max(foremost, position);
    return foremost < 0 ? 0 : this.taken - foremost;
  }

  /** Resolves when somebody read on or left, or after so many milliseconds. */
  async progress(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.onProgress = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.onProgress = () => undefined;
  }

  /** Is told when there is more until it leaves. */
  join(reader: BlobReader): void {
    this.readers.add(reader);
  }

  leave(reader: BlobReader): void {
    this.readers.delete(reader);
    this.onProgress();
  }

  /** A reader has read on. */
  advanced(): void {
    this.onProgress();
  }

  private tell(): void {
    for (const reader of this.readers) reader.more();
  }
}
