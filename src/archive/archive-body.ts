import { Readable } from 'node:stream';
import { StorageError } from '../ports/storage-driver.js';
import { TAR_BLOCK, encodeTarHeaders, tarPadding } from './tar-header.js';

/** A file of an archive that is written. */
export interface ArchiveEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** A chunk of it need last only until the next one is taken. */
  open(): Promise<Readable | Buffer>;
}

const END_MARK = Buffer.alloc(2 * TAR_BLOCK);
const HELD_BYTES = 1024 * 1024;

/** Bytes of the archive of these entries. */
export function archiveSize(entries: readonly ArchiveEntry[]): number {
  const sizeOf = ({ name, size }: ArchiveEntry): number =>
    encodeTarHeaders(name, size).byteLength + size + tarPadding(size);
  return entries.reduce((sum, entry) => sum + sizeOf(entry), END_MARK.byteLength);
}

/**
 * The tar archive of the entries, each opened when its turn comes. The stream fails if one is not as long as was told;
 * destroyed, it destroys the body that it is reading.
 */
export function archiveBody(entries: readonly ArchiveEntry[]): Readable {
  let open: Readable | undefined;
  async function* bytes(): AsyncGenerator<Buffer, void, void> {
    for (const entry of entries) {
      yield encodeTarHeaders(entry.name, entry.size);
      const body = await entry.open();
      if (Buffer.isBuffer(body)) yield body;
      else {
        open = body;
        if (stream.destroyed) body.destroy();
        yield* exactly(body, entry);
        open = undefined;
      }
      const padding = tarPadding(entry.size);
      if (padding > 0) yield END_MARK.subarray(0, padding);
    }
    yield END_MARK;
  }
  const stream = Readable.from(bytes(), { objectMode: false, highWaterMark: HELD_BYTES });
  stream.once('close', () => open?.destroy());
  return stream;
}

/** Copies, for the driver may use a chunk's memory again. */
async function* exactly(body: Readable, { name, size }: ArchiveEntry): AsyncGenerator<Buffer, void, void> {
  let count = 0;
  for await (const chunk of body) {
    count += (chunk as Buffer).byteLength;
    if (count > size) break;
    yield Buffer.from(chunk as Buffer);
  }
  if (count !== size) throw new StorageError('UNAVAILABLE', `${name} is no longer of the size it had`);
}
