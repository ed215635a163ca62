import fs from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { StorageError, type Segment } from '../../src/ports/storage-driver.js';
import { FileBody } from './file-body.js';
import { openFile } from './file-reading.js';
import { isSegment } from './session-file.js';

/**
 * The recorded bytes from an offset, in order; each file is opened when its turn comes. Fails with NOT_FOUND if one is
 * gone.
 */
export function readSegments(directory: string, segments: readonly Segment[], from: number): Readable {
  return Readable.from(chunks(directory, segments, from), { objectMode: false, highWaterMark: 1 });
}

async function* chunks(
  directory: string,
  segments: readonly Segment[],
  from: number,
): AsyncGenerator<Buffer, void, void> {
  let skip = from;
  for (const segment of segments) {
    const { name, size } = segment;
    if (!isSegment(segment)) throw gone(name);
    const start = Math.min(skip, size);
    skip -= start;
    if (start === size) continue;
    const { fd, stat } = await openFile(join(directory, name), name);
    if (stat.size < size) {
      fs.closeSync(fd);
      throw gone(name);
    }
    yield* new FileBody({ fd, name, start, end: size }) as AsyncIterable<Buffer>;
  }
}

function gone(name: string): StorageError {
  return new StorageError('NOT_FOUND', `segment ${name} is gone or differs`);
}
