import type { ArchiveSource } from '../api/admin-connection.js';
import { ApiProblem } from '../api/admin-connection.js';
import type { RequestBody } from './request-body.js';

/** An archive as the one file of a form (RFC 7578). */
export interface ArchiveForm extends RequestBody {
  readonly contentType: string;
  /** Bytes, where that of the archive is known. */
  readonly length?: number;
}

/** `boundary` must not occur in the archive: make it long and random. */
export function archiveForm({ size, body }: ArchiveSource, boundary: string): ArchiveForm {
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="archive"; filename="archive.tar"\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    ...(size !== undefined && { length: head.byteLength + size + tail.byteLength }),
    chunks: formOf(head, measured(body, size), tail),
  };
}

async function* formOf(
  head: Buffer,
  file: AsyncIterable<Uint8Array>,
  tail: Buffer,
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* file;
  yield tail;
}

/** @throws ApiProblem where there is more or less than was said */
async function* measured(body: AsyncIterable<unknown>, size: number | undefined): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body) {
    const bytes = chunk as Uint8Array;
    seen += bytes.byteLength;
    if (size !== undefined && seen > size) break;
    yield bytes;
  }
  if (size === undefined || seen === size) return;
  throw new ApiProblem('conflict', `the archive changed while it was read: it no longer has ${size} bytes`);
}
