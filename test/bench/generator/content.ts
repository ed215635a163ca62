import { createHash } from 'node:crypto';
import type { Content } from './jobs.js';

export const blockSize = 1024 * 1024;
/** docker sends a layer in chunks of 32 KiB (Go's copy buffer). */
const chunkSize = 32 * 1024;
const stampSize = 16;

/** Writes what makes this block unlike any other over the start of the shared random block. */
function stamp(target: Buffer, offset: number, seed: number, block: number): void {
  target.writeBigUInt64LE(BigInt(seed), offset);
  target.writeBigUInt64LE(BigInt(block), offset + stampSize / 2);
}

/** One lane's view of contents: blocks to send, plain or in chunks of HTTP, and what must come back. */
export class ContentBlocks {
  private readonly plain: Buffer;
  private readonly chunked: Buffer;

  constructor(base: Buffer) {
    if (base.length !== blockSize) throw new Error(`the base block must have ${blockSize} bytes`);
    this.plain = Buffer.from(base);
    const parts: Buffer[] = [];
    for (let offset = 0; offset < blockSize; offset += chunkSize) {
      parts.push(
        Buffer.from(`${chunkSize.toString(16)}\r\n`),
        base.subarray(offset, offset + chunkSize),
        Buffer.from('\r\n'),
      );
    }
    this.chunked = Buffer.concat(parts);
  }

  /** The bytes of one block; the buffer is used again for the next. */
  block(content: Content, index: number): Buffer {
    stamp(this.plain, 0, content.seed, index);
    return this.plain.subarray(0, Math.min(blockSize, content.size - index * blockSize));
  }

  /** The same bytes framed as chunks of a chunked body; whole blocks only. */
  chunkedBlock(content: Content, index: number): Buffer {
    if (content.size % blockSize !== 0) throw new Error('chunked contents are whole MiB');
    stamp(this.chunked, chunkSize.toString(16).length + 2, content.seed, index);
    return this.chunked;
  }

  /** Whether `bytes` is what the content has at `offset`. */
  matches(content: Content, offset: number, bytes: Buffer): boolean {
    let done = 0;
    while (done < bytes.length) {
      const index = Math.floor((offset + done) / blockSize);
      const within = (offset + done) % blockSize;
      const block = this.block(content, index);
      const length = Math.min(block.length - within, bytes.length - done);
      if (length <= 0 || block.compare(bytes, done, done + length, within, within + length) !== 0)
        return false;
      done += length;
    }
    return true;
  }

  digest(content: Content): string {
    const hash = createHash('sha256');
    for (let index = 0; index * blockSize < content.size; index++) hash.update(this.block(content, index));
    return `sha256:${hash.digest('hex')}`;
  }
}
