import type { ByteReader } from './byte-reader.js';
import { malformed, quoted, tooLarge } from './invalid-archive.js';
import { addExtension, isExtension } from './tar-extensions.js';
import type { TarExtensions } from './tar-extensions.js';
import { TAR_BLOCK, decodeTarHeader, tarPadding } from './tar-header.js';
import type { TarHeader } from './tar-header.js';

/** Bytes of an extended header, which is held in memory. */
const LARGEST_EXTENSION = 64 * 1024;
/** Of one entry: GNU's two and pax's two. */
const MOST_EXTENSIONS = 4;
const LARGEST_TAKE = 1024 * 1024;
const ZEROS = Buffer.alloc(64 * 1024);

export interface TarEntry extends TarHeader {
  /** To be taken once, before the next entry; what is left of it is passed over. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The entries of a tar archive (ustar, pax, GNU), one at a time, and no more of them in memory than the source gives at
 * once. tar-stream takes extended headers of 4 MiB and copies a global one for each entry, and does not tell
 * whether an archive has its end: this bounds them, and does.
 * @throws InvalidArchive also for one that ends early, or goes on after its end
 */
export async function* tarEntries(
  source: ByteReader,
  mostEntries: number,
): AsyncGenerator<TarEntry, void, void> {
  for (let count = 0; ; count++) {
    const header = await nextHeader(source);
    if (header === undefined) return requireEnd(source);
    if (count === mostEntries) throw tooLarge(`the archive holds more than ${mostEntries} entries`);
    let left = header.size;
    const take = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (left === 0) return { done: true, value: undefined };
      const value = await source.some(Math.min(left, LARGEST_TAKE));
      if (value === undefined) throw endsEarly(header.name);
      left -= value.byteLength;
      return { done: false, value };
    };
    yield { ...header, body: { [Symbol.asyncIterator]: () => ({ next: take }) } };
    while (left > 0) await take();
    await skipPadding(source, header);
  }
}

/** The header of the next entry with what extended headers tell of it; undefined at the archive's end. */
async function nextHeader(source: ByteReader): Promise<TarHeader | undefined> {
  const known: TarExtensions = {};
  for (let extensions = 0; ; extensions++) {
    const block = await source.exactly(TAR_BLOCK);
    if (block.byteLength < TAR_BLOCK) throw malformed('the archive is cut off: it has no end mark');
    const header = decodeTarHeader(block);
    if (header === undefined) {
      if (extensions > 0) throw malformed('the archive is cut off: it ends after an extended header');
      return undefined;
    }
    if (!isExtension(header.type)) return bodyless({ ...header, ...known });
    if (extensions === MOST_EXTENSIONS || header.size > LARGEST_EXTENSION) {
      throw malformed(
        `the archive has an entry with more than ${MOST_EXTENSIONS} extended headers, or one above ${LARGEST_EXTENSION} bytes`,
      );
    }
    const body = await source.exactly(header.size);
    if (body.byteLength < header.size) throw endsEarly(header.name);
    addExtension(known, header.type, body);
    await skipPadding(source, header);
  }
}

/** Links and directories have no body, whatever size they tell. @throws InvalidArchive for one that tells one */
function bodyless(header: TarHeader): TarHeader {
  if (header.type === '0' || header.size === 0) return header;
  if (header.type === '2' || header.type === '5')
    throw malformed(`the entry ${quoted(header.name)} is no file, but tells a size`);
  return header;
}

async function skipPadding(source: ByteReader, { name, size }: TarHeader): Promise<void> {
  const padding = tarPadding(size);
  if ((await source.exactly(padding)).byteLength < padding) throw endsEarly(name);
}

/** Tar fills its last record with zeros; anything else there is hidden from those who stop at the end mark. */
async function requireEnd(source: ByteReader): Promise<void> {
  for (;;) {
    const chunk = await source.some(ZEROS.byteLength);
    if (chunk === undefined) return;
    if (!chunk.equals(ZEROS.subarray(0, chunk.byteLength)))
      throw malformed('the archive goes on after its end mark');
  }
}

function endsEarly(name: string): Error {
  return malformed(`the archive is cut off within the entry ${quoted(name)}`);
}
