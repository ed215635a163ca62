import { Decompress } from 'fzstd';

/** The magic numbers of RFC 8878; the low four bits of a skippable frame's are free. */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Bytes that a decompressor must hold, and moves for each block: what `zstd -19` asks for at most. */
const LARGEST_WINDOW = 8 * 1024 * 1024;
/** RFC 8878 "Block_Maximum_Size". */
const LARGEST_BLOCK = 128 * 1024;
const MAGIC_BYTES = 4;
const BLOCK_HEADER = 3;
const CHECKSUM_FLAG = 4;

const NOTHING = Buffer.alloc(0);

/** What comes next in the stream. */
type Part = 'frame' | 'block' | 'checksum' | 'skippable';

/**
 * Decompresses zstd (RFC 8878), frame after frame, one block at a time: so a piece never expands to more than a block,
 * and each frame's window is known before it is allocated. Checksums are not compared.
 * Hostile input can keep fzstd busy for ever: to be run where it can be ended.
 */
export class ZstdFrames {
  private held: Buffer = NOTHING;
  private part: Part = 'frame';
  private decompress = new Decompress();
  private readonly output: Uint8Array[] = [];
  private hasChecksum = false;
  private skip = 0;

  push(chunk: Uint8Array): void {
    this.held = Buffer.concat([this.held, chunk]);
  }

  /** Whether the stream may end here. */
  get isComplete(): boolean {
    return this.part === 'frame' && this.held.byteLength === 0;
  }

  /** The bytes of the next block; undefined when more input is needed. @throws Error */
  next(): Uint8Array | undefined {
    for (;;) {
      const block = this.output.shift();
      if (block !== undefined) return block;
      if (this.part === 'frame') {
        if (!this.beginFrame()) return undefined;
      } else if (this.part === 'skippable') {
        this.skip -= this.take(Math.min(this.skip, this.held.byteLength)).byteLength;
        if (this.skip > 0) return undefined;
        this.part = 'frame';
      } else if (this.part === 'checksum') {
        if (this.held.byteLength < 4) return undefined;
        this.take(4);
        this.part = 'frame';
      } else if (!this.takeBlock()) return undefined;
    }
  }

  private beginFrame(): boolean {
    if (this.held.byteLength < MAGIC_BYTES + 1) return false;
    const magic = this.held.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      if (this.held.byteLength < 8) return false;
      this.skip = this.held.readUInt32LE(4);
      this.take(8);
      this.part = 'skippable';
      return true;
    }
    if (magic !== FRAME_MAGIC) throw new Error('a frame does not begin as one of zstd');
    const length = frameHeaderLength(this.held[MAGIC_BYTES] ?? 0);
    if (this.held.byteLength < length) return false;
    const header = this.take(length);
    requireReadable(header);
    this.hasChecksum = ((header[MAGIC_BYTES] ?? 0) & CHECKSUM_FLAG) !== 0;
    this.decompress = new Decompress((bytes) => {
      if (bytes.byteLength > 0) this.output.push(bytes);
    });
    // fzstd is told of none: it would wait for the checksum, which is passed over here.
    header[MAGIC_BYTES] = (header[MAGIC_BYTES] ?? 0) & ~CHECKSUM_FLAG;
    this.decompress.push(header);
    this.part = 'block';
    return true;
  }

  private takeBlock(): boolean {
    if (this.held.byteLength < BLOCK_HEADER) return false;
    const header = this.held.readUIntLE(0, BLOCK_HEADER);
    const [isLast, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3];
    if (type === 3 || size > LARGEST_BLOCK) throw new Error('a block is of no known kind or size');
    const length = BLOCK_HEADER + (type === 1 ? 1 : size);
    if (this.held.byteLength < length) return false;
    this.decompress.push(this.take(length), isLast);
    if (isLast) this.part = this.hasChecksum ? 'checksum' : 'frame';
    return true;
  }

  private take(length: number): Buffer {
    const taken = this.held.subarray(0, length);
    this.held = this.held.subarray(length);
    return taken;
  }
}

/** Magic, descriptor, window, dictionary and content size (RFC 8878 "Frame_Header"). */
function frameHeaderLength(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return MAGIC_BYTES + 1 + (isSingle ? 0 : 1) + dictionary + contentSize;
}

function requireReadable(header: Buffer): void {
  const descriptor = header[MAGIC_BYTES] ?? 0;
  if ((descriptor & 3) !== 0) throw new Error('it needs a dictionary');
  if ((descriptor & 8) !== 0) throw new Error('a frame does not begin as one of zstd');
  if (windowOf(header) > LARGEST_WINDOW) {
    throw new Error(
      `its window is above ${LARGEST_WINDOW / 1024 / 1024} MiB; compress it with zstd -19 or less, and without --long`,
    );
  }
}

function windowOf(header: Buffer): number {
  const descriptor = header[MAGIC_BYTES] ?? 0;
  const rest = header.subarray(MAGIC_BYTES + 1);
  if ((descriptor & 0x20) === 0) {
    const byte = rest[0] ?? 0;
    const base = 2 ** (10 + (byte >> 3));
    return base + (base / 8) * (byte & 7);
  }
  if (rest.byteLength === 8) return Number(rest.readBigUInt64LE());
  return rest.readUIntLE(0, rest.byteLength) + (rest.byteLength === 2 ? 256 : 0);
}
