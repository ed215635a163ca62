import fs from 'node:fs';
import { Readable } from 'node:stream';
import { StorageError } from '../../src/ports/storage-driver.js';
import { outage } from './errno.js';

/** Large reads cost half the CPU of reads of 64 KiB. */
const CHUNK_BYTES = 512 * 1024;

export interface FileBodyOptions {
  readonly fd: number;
  /** What errors call the file. */
  readonly name: string;
  readonly start: number;
  /** The first byte that is not wanted. */
  readonly end: number;
  /** Whether a chunk is the reader's only until it takes the next one: two buffers then do for the whole file. */
  readonly borrow?: boolean;
}

/** A part of an open file; owns and closes the descriptor. UNAVAILABLE if the file ends before `end`. */
export class FileBody extends Readable {
  private readonly fd: number;
  private readonly name: string;
  private readonly end: number;
  private readonly borrow: boolean;
  /** Two that take turns; never anybody else's, for the last one may be on its way to a socket after the end. */
  private readonly lent: Buffer[] = [];
  private position: number;
  private turn = 0;
  private reading = false;
  private closed_ = false;

  constructor({ fd, name, start, end, borrow = false }: FileBodyOptions) {
    super({ highWaterMark: Math.max(1, Math.min(CHUNK_BYTES, end - start)) });
    this.fd = fd;
    this.name = name;
    this.position = start;
    this.end = end;
    this.borrow = borrow;
  }

  override _read(): void {
    const length = Math.min(CHUNK_BYTES, this.end - this.position);
    if (length <= 0) {
      this.push(null);
      return;
    }
    this.fill(this.buffer(length), 0);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.reading) this.close();
    callback(error);
  }

  private buffer(length: number): Buffer {
    if (!this.borrow) return Buffer.allocUnsafeSlow(length);
    this.turn ^= 1;
    const buffer = (this.lent[this.turn] ??= Buffer.allocUnsafeSlow(length));
    return buffer.length === length ? buffer : buffer.subarray(0, length);
  }

  /** Chunks are always full, so that never more than one waits beside the one that is lent. */
  private fill(chunk: Buffer, filled: number): void {
    this.reading = true;
    fs.read(this.fd, chunk, filled, chunk.length - filled, this.position + filled, (error, bytes) => {
      this.reading = false;
      if (this.destroyed) this.close();
      else if (error !== null) this.destroy(outage(this.name, error));
      else if (bytes === 0) this.destroy(this.short(this.position + filled));
      else if (filled + bytes < chunk.length) this.fill(chunk, filled + bytes);
      else this.pass(chunk);
    });
  }

  private pass(chunk: Buffer): void {
    this.position += chunk.length;
    if (this.position >= this.end) this.close();
    this.push(chunk);
  }

  private close(): void {
    if (this.closed_) return;
    this.closed_ = true;
    fs.closeSync(this.fd);
  }

  private short(position: number): StorageError {
    return new StorageError(
      'UNAVAILABLE',
      `filesystem: ${this.name} ends at byte ${position} of ${this.end}`,
    );
  }
}
