import { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ByteReader } from './byte-reader.js';
import { malformed, tooLarge } from './invalid-archive.js';
import { unzstd } from './zstd-thread.js';

const GZIP_MAGIC = Buffer.of(0x1f, 0x8b);
const ZSTD_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
/** Of a frame to be passed over, with which some programs begin; the low half of its first byte is free. */
const SKIPPABLE_MAGIC = Buffer.of(0x2a, 0x4d, 0x18);
const GUNZIP_CHUNK = 128 * 1024;
/** Images do not shrink that far: above so many bytes, more than so many for one compressed byte is a bomb. */
const BOMB = { bytes: 256 * 1024 * 1024, ratio: 200 } as const;

/** Of input that is more than twice the output: formats have frames and blocks of nothing. */
const EMPTY_BYTES = 16 * 1024 * 1024;

export function isGzip(head: Uint8Array): boolean {
  return GZIP_MAGIC.equals(head.subarray(0, GZIP_MAGIC.byteLength));
}

function isZstd(head: Buffer): boolean {
  if (head.subarray(0, ZSTD_MAGIC.byteLength).equals(ZSTD_MAGIC)) return true;
  return ((head[0] ?? 0) & 0xf0) === 0x50 && head.subarray(1, 4).equals(SKIPPABLE_MAGIC);
}

/** The bytes of an archive, whether it came plain, as gzip or as zstd, and how many they are. */
export class Decompressed {
  private compressed = 0;
  private count = 0;

  constructor(
    private readonly archive: AsyncIterable<Uint8Array>,
    private readonly maxBytes: number,
  ) {}

  /** Decompressed bytes so far. */
  get bytes(): number {
    return this.count;
  }

  /** @throws InvalidArchive; what the archive's own stream fails with */
  async *read(): AsyncGenerator<Uint8Array, void, void> {
    const reader = new ByteReader(this.counted());
    const head = await reader.exactly(ZSTD_MAGIC.byteLength);
    if (head.byteLength === 0) throw malformed('the archive is empty');
    const source = joined(head, reader);
    const plain = isGzip(head) ? gunzip(source) : isZstd(head) ? unzstd(source) : source;
    for await (const chunk of plain) {
      this.count += chunk.byteLength;
      if (this.count > this.maxBytes)
        throw tooLarge(`the archive holds more than ${this.maxBytes} bytes when it is decompressed`);
      if (this.count > BOMB.bytes && this.count > this.compressed * BOMB.ratio)
        throw tooLarge(`the archive expands to more than ${BOMB.ratio} times its size`);
      yield chunk;
    }
  }

  private async *counted(): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of this.archive) {
      // What came before: of this chunk nothing is decompressed yet.
      if (this.compressed > EMPTY_BYTES + 2 * this.count)
        throw malformed('the archive is compressed, but holds less than what it is compressed to');
      this.compressed += chunk.byteLength;
      if (this.compressed > this.maxBytes) throw tooLarge(`the archive has more than ${this.maxBytes} bytes`);
      yield chunk;
    }
  }
}

async function* joined(head: Buffer, reader: ByteReader): AsyncGenerator<Buffer, void, void> {
  try {
    yield head;
    yield* reader.rest();
  } finally {
    await reader.close();
  }
}

/**
 * Of one member or several; zeros may follow, with which tapes and disks fill their blocks. Reads ahead: who stops
 * early must destroy the source's stream, for the next bytes of it are not waited for.
 */
async function* gunzip(
  source: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  const stream = createGunzip({ chunkSize: GUNZIP_CHUNK });
  let given = 0;
  let endOfData = 0;
  const take = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await source.next();
    if (done === true) return undefined;
    const data = value.findLastIndex((byte) => byte !== 0) + 1;
    if (data > 0) endOfData = given + data;
    given += value.byteLength;
    return value;
  };
  async function* taken(): AsyncGenerator<Uint8Array, void, void> {
    for (let chunk = await take(); chunk !== undefined; chunk = await take()) yield chunk;
  }
  // An error of either reaches the reader through the stream.
  pipeline(Readable.from(taken(), { objectMode: false }), stream, () => undefined);
  try {
    for await (const chunk of stream) yield chunk as Buffer;
    // The stream ends with the last member, whatever follows.
    while (stream.bytesWritten >= endOfData && (await take()) !== undefined);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') === true) throw malformed(`the archive is no whole gzip: ${message}`, error);
    throw error;
  }
  if (stream.bytesWritten < endOfData) throw malformed('the archive goes on after the end of its gzip');
}
