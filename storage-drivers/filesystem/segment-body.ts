import fs from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { StorageError, type Segment } from '../../src/ports/storage-driver.js';
import { FileBody } from './file-body.js';
import { openFile } from './file-reading.js';
import { isSegment } from './session-file.js';

/** The recorded bytes, in order; each file is opened when its turn comes. Fails with NOT_FOUND if one is gone. */
export function readSegments(directory: string, segments: readonly Segment[]): Readable {
  return Readable.from(chunks(directory, segments), { objectMode: false, highWaterMark: 1024 * 1024 });
}

async function* chunks(directory: string, segments: readonly Segment[]): AsyncGenerator<Buffer, void, void> {
  for (const segment of segments) {
    const { name, size } = segment;
    if (!isSegment(segment)) throw gone(name);
    const { fd, stat } = await openFile(join(directory, name), name);
    if (stat.size < size) {
      fs.closeSync(fd);
      throw gone(name);
    }
    yield* new FileBody({ fd, name, start: 0, end: size }) as AsyncIterable<Buffer>;
  }
}

function gone(name: string): StorageError {
  return new StorageError('NOT_FOUND', `segment ${name} is gone or differs`);
}
