import { Readable } from 'node:stream';

const CHUNK_BYTES = 256 * 1024;

/** Bytes that are in memory already, as a stream. */
export class BufferBody extends Readable {
  private part = 0;
  private offset = 0;

  constructor(private readonly parts: readonly Uint8Array[]) {
    super({ highWaterMark: CHUNK_BYTES });
  }

  override _read(): void {
    const part = this.parts[this.part];
    if (part === undefined) {
      this.push(null);
      return;
    }
    const chunk = part.subarray(this.offset, this.offset + CHUNK_BYTES);
    this.offset += chunk.length;
    if (this.offset >= part.length) {
      this.part += 1;
      this.offset = 0;
    }
    if (chunk.length === 0) this._read();
    else this.push(chunk);
  }
}
