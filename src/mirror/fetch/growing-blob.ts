import type { Readable } from 'node:stream';
import type { ByteRange } from '../../domain/byte-range.js';
import { StorageError } from '../../ports/storage-driver.js';
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

interface HeldChunk {
  readonly start: number;
  readonly bytes: Buffer;
}

const NOTHING: HeldChunk = { start: -1, bytes: Buffer.alloc(0) };
/** Places of chunks that are held no more, before these are given up together. */
const MOST_DROPPED = 1024;

/** Somebody who reads it. */
export interface BlobReader {
  /** The next byte that it wants. */
  readonly position: number;
  /** It has some of the bytes. */
  readonly hasBegun: boolean;
  /** There may be more to read. */
  more(): void;
  /** Nothing that it has can be relied upon. */
  fail(error: Error): void;
}

/**
 * A blob while it is being taken. Its latest bytes are held in memory, the earlier ones are read from the store as soon
 * as they lie there: however slowly somebody reads, nobody else waits and no more is held. Whatever part of it somebody
 * reads, the last byte of that is given only once the whole proved to have its digest.
 */
export class GrowingBlob {
  private readonly readers = new Set<BlobReader>();
  private onProgress: () => void = () => undefined;
  private held: HeldChunk[] = [];
  /** How many of those are held no more. */
  private dropped = 0;
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
    this.held.push({ start: this.taken, bytes: chunk });
    this.taken += chunk.byteLength;
    this.heldBytes += chunk.byteLength;
    while (this.heldBytes > this.window) this.drop();
    this.tell();
  }

  /** Whatever was stored before is no longer asked for. */
  store(stored: StoredBytes): void {
    this.stored = stored;
    this.taken = Math.max(this.taken, stored.bytes);
    this.tell();
  }

  /** It is taken once more from its beginning; who has bytes of an attempt that was not proven right fails. */
  restart(window: number): void {
    const error = new StorageError('UNAVAILABLE', 'what took the blob did not come to its end; try again');
    for (const reader of [...this.readers]) if (reader.hasBegun) reader.fail(error);
    this.window = window;
    this.held = [];
    this.dropped = 0;
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

  /** Whether all of it is known to have the digest. */
  get isVerified(): boolean {
    return this.verified;
  }

  get failed(): Error | undefined {
    return this.failure;
  }

  /** Bytes held in memory from the position on; undefined where there are none. */
  heldAt(position: number): Buffer | undefined {
    const start = this.taken - this.heldBytes;
    if (position < start || position >= this.taken) return undefined;
    let [low, high] = [this.dropped, this.held.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.held[middle]?.start ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    const chunk = this.held[low];
    return chunk?.bytes.subarray(position - chunk.start);
  }

  /** What lies in the store beyond the position; undefined where nothing does. */
  storedAt(position: number): StoredBytes | undefined {
    const { stored } = this;
    return stored !== undefined && position < stored.bytes ? stored : undefined;
  }

  /** Bytes in memory that not even the foremost reader has read; 0 where nobody reads them. */
  get unread(): number {
    const start = this.taken - this.heldBytes;
    let foremost = -1;
    for (const { position } of this.readers)
      if (position >= start && position <= this.taken) foremost = Math.max(foremost, position);
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

  private drop(): void {
    const chunk = this.held[this.dropped];
    this.heldBytes -= chunk?.bytes.byteLength ?? 0;
    this.held[this.dropped] = NOTHING;
    this.dropped += 1;
    if (this.dropped < MOST_DROPPED) return;
    this.held = this.held.slice(this.dropped);
    this.dropped = 0;
  }

  private tell(): void {
    for (const reader of this.readers) reader.more();
  }
}
