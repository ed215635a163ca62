import { Readable } from 'node:stream';
import type { ByteRange } from '../../domain/byte-range.js';
import { StorageError, isStorageError } from '../../ports/storage-driver.js';
import type { BlobReader, GrowingBlob, StoredBytes } from './growing-blob.js';

/** That a reader has before it asks for them. */
const AHEAD_BYTES = 256 * 1024;

/** A part of a blob that is being taken, as it comes. */
export class GrowingBody extends Readable implements BlobReader {
  position: number;
  private readonly end: number;
  /** The reader has room for more. */
  private wanted = false;
  private opening = false;
  private stream: Readable | undefined;
  /** Segments that are gone, for the blob is being made of them: it will be stored otherwise. */
  private gone: StoredBytes | undefined;

  constructor(
    private readonly blob: GrowingBlob,
    private readonly range: ByteRange,
  ) {
    super({ highWaterMark: AHEAD_BYTES });
    this.position = range.start;
    this.end = range.end + 1;
    blob.join(this);
  }

  override _read(): void {
    this.wanted = true;
    this.more();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.blob.leave(this);
    this.stream?.destroy();
    callback(error);
  }

  get hasBegun(): boolean {
    return this.position > this.range.start;
  }

  fail(error: Error): void {
    this.destroy(error);
  }

  more(): void {
    if (this.destroyed || this.readableEnded) return;
    const { failed } = this.blob;
    if (failed !== undefined) {
      // Before somebody reads nobody may listen yet.
      if (this.wanted) this.destroy(failed);
      return;
    }
    if (this.stream !== undefined) {
      if (this.wanted) this.stream.resume();
      return;
    }
    while (this.wanted && !this.opening) {
      if (this.position >= this.end) {
        this.wanted = false;
        this.blob.leave(this);
        this.push(null);
        return;
      }
      if (this.position >= this.limit) return;
      const held = this.blob.heldAt(this.position);
      if (held !== undefined) this.give(held);
      else {
        const stored = this.blob.storedAt(this.position);
        if (stored === undefined || stored === this.gone) return;
        void this.follow(stored);
      }
    }
  }

  /** The first byte that is not to be given now. */
  private get limit(): number {
    return this.blob.isVerified ? this.end : this.end - 1;
  }

  private give(bytes: Buffer): void {
    const wanted = bytes.subarray(0, this.limit - this.position);
    this.position += wanted.byteLength;
    this.wanted = this.push(wanted);
    this.blob.advanced();
  }

  private async follow(stored: StoredBytes): Promise<void> {
    this.opening = true;
    try {
      const stream = await stored.open(this.position);
      this.opening = false;
      if (this.destroyed) stream.destroy();
      else this.readFrom(stream, stored);
    } catch (error) {
      this.opening = false;
      this.ended(stored, error as Error);
    }
  }

  private readFrom(stream: Readable, stored: StoredBytes): void {
    this.stream = stream;
    const from = this.position;
    let over = false;
    const end = (error?: Error): void => {
      if (over) return;
      over = true;
      this.stream = undefined;
      stream.destroy();
      const isShort = error === undefined && this.position === from;
      this.ended(stored, isShort ? new StorageError('UNAVAILABLE', 'stored bytes ended early') : error);
    };
    stream.on('data', (chunk: Buffer) => {
      if (over) return;
      const left = Math.min(stored.bytes, this.limit) - this.position;
      const bytes = chunk.subarray(0, left);
      this.give(stored.lent === true ? Buffer.from(bytes) : bytes);
      if (chunk.byteLength >= left) end();
      else if (!this.wanted) stream.pause();
    });
    stream.once('end', () => end());
    stream.once('error', end);
  }

  /** Segments go when the blob is made of them: then that is read. */
  private ended(stored: StoredBytes, error: Error | undefined): void {
    if (this.destroyed) return;
    if (error !== undefined && !isStorageError(error, 'NOT_FOUND')) {
      this.destroy(error);
      return;
    }
    if (error !== undefined) this.gone = stored;
    this.more();
  }
}
