import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { Abortable, ObjectStat, PutOptions } from '../../src/ports/storage-driver.js';
import { Backoff } from './backoff.js';
import type { HeldBody } from '../../src/ports/held-body.js';
import { bareEtag } from './slo.js';
import type { PutAnswer, StreamedPuts } from './streamed-put.js';
import type { SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';

/** Bodies up to this are held and sent again where a PUT fails. */
export const HELD_BYTES = 4 * 1024 * 1024;

/** Nothing was written: a PUT, or a DELETE, of a later time is there, by a proxy whose clock is ahead of this one's. */
export const OVERTAKEN = 202;

/** The body that arrived was not that of its ETag. */
const ALTERED = 422;

export interface WrittenObject {
  readonly size: number;
  /** MD5 in hex, ours and Swift's. */
  readonly etag: string;
}

/** Writes plain objects; what Swift says it holds is compared with what was sent. */
export class ObjectWriter {
  constructor(
    private readonly client: SwiftClient,
    private readonly puts: StreamedPuts,
  ) {}

  /** @throws StorageError EXISTS with `ifAbsent` */
  async put(object: string, bytes: Uint8Array, options: Nullable<PutOptions> = {}): Promise<ObjectStat> {
    return this.putBytes(object, bytes, md5Of(bytes), options);
  }

  /** A body of any length under a name that nobody else uses. */
  async putStream(object: string, body: HeldBody, signal: AbortSignal | undefined): Promise<WrittenObject> {
    await body.fill(HELD_BYTES);
    if (!body.isWhole) return this.putRest(object, body, signal);
    const bytes = body.concat();
    const etag = md5Of(bytes);
    await this.putBytes(object, bytes, etag, { signal });
    return { size: bytes.byteLength, etag };
  }

  /** @throws StorageError EXISTS where a condition did not hold; UNAVAILABLE, also where Swift holds other bytes */
  requireStored(object: string, { status, headers }: PutAnswer, etag: string): void {
    if (status === 412 || status === OVERTAKEN) throw new StorageError('EXISTS', `${object} exists`);
    if (status !== 201) throw swiftFailure(this.client.nameOf({ method: 'PUT', object }), status);
    if (bareEtag(headers.etag) !== etag)
      throw new StorageError('UNAVAILABLE', `Swift stored other bytes of ${object} than were sent`);
  }

  private async putBytes(
    object: string,
    bytes: Uint8Array,
    etag: string,
    options: Nullable<PutOptions>,
  ): Promise<ObjectStat> {
    const request = (): Promise<PutAnswer> =>
      this.client.sendForHead({
        method: 'PUT',
        object,
        headers: {
          'Content-Type': 'application/octet-stream',
          ETag: etag,
          ...(options.ifAbsent === true && { 'If-None-Match': '*' }),
          ...(options.expiresAfter !== undefined && { 'X-Delete-After': String(options.expiresAfter) }),
        },
        body: bytes,
        signal: options.signal,
      });
    const { clock, ids, times } = this.client.parts;
    const backoff = new Backoff(clock, ids, times.retry);
    let answer = await request();
    if (answer.status === ALTERED) answer = await request();
    while (answer.status === OVERTAKEN) {
      if (!(await backoff.again(options.signal))) throw overtaken(object);
      answer = await request();
    }
    this.requireStored(object, answer, etag);
    return { size: bytes.byteLength, lastModified: lastModifiedOf(answer.headers) };
  }

  private async putRest(
    object: string,
    body: HeldBody,
    signal: AbortSignal | undefined,
  ): Promise<WrittenObject> {
    const put = await this.puts.open({ object, signal });
    if (put === undefined) throw swiftFailure(this.client.nameOf({ method: 'PUT', object }), 412);
    const md5 = createHash('md5');
    let size = 0;
    try {
      for await (const chunk of body.all()) {
        md5.update(chunk);
        size += chunk.byteLength;
        await put.write(chunk);
      }
      const etag = md5.digest('hex');
      this.requireStored(object, await put.end(), etag);
      return { size, etag };
    } catch (error) {
      put.abandon();
      throw error;
    }
  }
}

/** What a PUT came to that Swift took for older than what is there. */
export function overtaken(object: string): StorageError {
  return new StorageError(
    'UNAVAILABLE',
    `Swift holds a later version of ${object} than one of now; let the clocks of its servers agree`,
  );
}

/** RFC 9110 §8.8.2, in whole seconds. */
export function lastModifiedOf(headers: IncomingHttpHeaders): Date {
  return new Date(headers['last-modified'] ?? headers.date ?? 0);
}

/** As Swift's ETag of a plain object. */
export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

type Nullable<T extends Abortable> = Omit<T, 'signal'> & { readonly signal?: AbortSignal | undefined };
