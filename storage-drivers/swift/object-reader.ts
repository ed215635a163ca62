import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../../src/domain/byte-range.js';
import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';
import type { GetOptions, ObjectStat, StatOptions } from '../../src/ports/storage-driver.js';
import { BufferBody } from '../buffer-body.js';
import { Backoff } from './backoff.js';
import { PieceBody } from './piece-body.js';
import type { PieceSource } from './piece-body.js';
import { boundariesOf, cut, stepsOf } from './pieces.js';
import { lastModifiedOf } from './object-writer.js';
import { bareEtag } from './slo.js';
import type { SloStore } from './slo-store.js';
import { discard } from './swift-client.js';
import type { SwiftAnswer, SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';

const MIB = 1024 * 1024;

/**
 * A read that does not begin at byte 0 is not checked against its MD5 by the object server, which halves its CPU; the
 * reader of a blob checks SHA-256. So a body is read as a short first range and the rest.
 */
const FIRST_BYTES = MIB;
/** Swift slows a DLO down to a segment a second after the tenth of one request. */
const DLO_BYTES = 8 * MIB;

interface Found {
  readonly total: number;
  readonly etag: string;
  readonly isSlo: boolean;
  readonly isDlo: boolean;
  readonly lastModified: Date;
}

export interface OpenedObject {
  readonly stat: ObjectStat;
  readonly body: Readable;
}

/** Reads objects, plain and large ones, by ranges, each checked for its length and asked for again where it breaks off. */
export class ObjectReader {
  constructor(
    private readonly client: SwiftClient,
    private readonly slos: SloStore,
    /** A manifest no larger than this is taken for one segment and its parts are not asked for. */
    private readonly segmentBytes: () => number,
  ) {}

  /** @throws StorageError NOT_FOUND */
  async stat(object: string, { fresh, signal, once }: StatOptions): Promise<ObjectStat> {
    const { status, headers } = await this.client.sendForHead({
      method: 'HEAD',
      object,
      headers: newest(fresh),
      signal,
      once,
    });
    if (status !== 200) throw this.failure('HEAD', object, status);
    return { size: Number(headers['content-length']), lastModified: lastModifiedOf(headers) };
  }

  /** A small object. @throws StorageError NOT_FOUND, MISMATCH */
  async read(object: string, { fresh, signal }: Reading = {}): Promise<Buffer> {
    const { status, text } = await this.client.sendForText({
      method: 'GET',
      object,
      headers: newest(fresh),
      signal,
    });
    if (status !== 200) throw this.failure('GET', object, status);
    return text;
  }

  /** As `openExactly`, but small, and with its bytes checked. */
  async readExactly(object: string, size: number, etag: string): Promise<Buffer> {
    const request = { method: 'GET', object, headers: newest(true) } as const;
    const { status, headers, text } = await this.client.sendForText(request);
    if (status !== 200) throw this.failure('GET', object, status);
    if (bareEtag(headers.etag) === etag && text.length === size) return text;
    throw new StorageError('NOT_FOUND', `${object} is not what it was`);
  }

  /**
   * An object that must be the very one; a plain one's bytes are compared with its etag at their end.
   * @throws StorageError NOT_FOUND where it is gone or another; UNAVAILABLE, also from the body
   */
  async openExactly(object: string, size: number, etag: string): Promise<AsyncIterable<Buffer>> {
    const answer = await this.client.send({ method: 'GET', object, headers: newest(true) });
    const { status, headers, body } = answer;
    if (status === 200 && bareEtag(headers.etag) === etag && Number(headers['content-length']) === size) {
      const source = this.sourceOf(object, { etag }, newest(true), undefined);
      const whole = new PieceBody(source, [{ start: 0, end: size - 1 }], body);
      return headers['x-static-large-object'] === undefined ? compared(object, whole, etag) : whole;
    }
    discard(body);
    if (status !== 200) throw this.failure('GET', object, status);
    throw new StorageError('NOT_FOUND', `${object} is not what it was`);
  }

  /** @throws StorageError NOT_FOUND, RANGE, MISMATCH */
  async open(object: string, { range, fresh, signal }: GetOptions): Promise<OpenedObject> {
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, start + FIRST_BYTES - 1);
    const headers = newest(fresh);
    const answer = await this.client.send({
      method: 'GET',
      object,
      headers: { ...headers, Range: `bytes=${start}-${end}` },
      signal,
    });
    const found = await this.foundBy(object, answer);
    const stat = { size: found.total, lastModified: found.lastModified };
    if (found.total === 0 && range === undefined) {
      await answer.body.dump();
      return { stat, body: new BufferBody([]) };
    }
    if (answer.status === 416 || (answer.status === 200 && start > 0)) {
      discard(answer.body);
      if (answer.status === 416)
        throw new StorageError('RANGE', `${object} has ${found.total} bytes; there is none at ${start}`);
      throw new StorageError(
        'UNAVAILABLE',
        `Swift sent all of ${object} instead of a range; is a cache before it?`,
      );
    }
    const last = Math.min(range?.end ?? Infinity, found.total - 1);
    const first = { start, end: answer.status === 200 ? last : Math.min(end, last) };
    const rest = last > first.end ? await this.piecesOf(object, found, first.end + 1, last) : [];
    const body = new PieceBody(this.sourceOf(object, found, headers, signal), [first, ...rest], answer.body);
    return { stat, body };
  }

  private async foundBy(object: string, answer: SwiftAnswer): Promise<Found> {
    const { status, headers } = answer;
    if (status === 206 || status === 200 || status === 416) {
      const total = totalOf(headers, status);
      if (total !== undefined) {
        return {
          total,
          etag: bareEtag(headers.etag),
          isSlo: headers['x-static-large-object']?.toString().toLowerCase() === 'true',
          isDlo: headers['x-object-manifest'] !== undefined,
          lastModified: lastModifiedOf(headers),
        };
      }
    }
    await answer.body.dump();
    throw this.failure('GET', object, status);
  }

  private failure(method: 'GET' | 'HEAD', object: string, status: number): StorageError {
    if (status === 404) return new StorageError('NOT_FOUND', `${object} does not exist`);
    // A large object of which the first segment asked for is gone or differs.
    if (status === 409) return new StorageError('MISMATCH', `a segment of ${object} is gone or differs`);
    return swiftFailure(this.client.nameOf({ method, object }), status);
  }

  /**
   * The parts of a large object are read from their second byte on, each together with the first byte of the next.
   */
  private async piecesOf(
    object: string,
    { total, isSlo, isDlo }: Found,
    start: number,
    last: number,
  ): Promise<ByteRange[]> {
    if (isDlo) return cut(start, last, stepsOf(DLO_BYTES, last));
    if (!isSlo || total <= this.segmentBytes()) return [{ start, end: last }];
    try {
      return cut(start, last, boundariesOf(await this.slos.leafSizes(object)));
    } catch (error) {
      // Only the saving is lost (Ceph's RGW does not show its manifests).
      if (isStorageError(error)) return [{ start, end: last }];
      throw error;
    }
  }

  private sourceOf(
    object: string,
    found: Pick<Found, 'etag'>,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): PieceSource {
    const { clock, ids, times } = this.client.parts;
    let backoff = new Backoff(clock, ids, times.retry);
    return {
      open: async ({ start, end }) => {
        const answer = await this.client.send({
          method: 'GET',
          object,
          headers: { ...headers, 'If-Match': found.etag, Range: `bytes=${start}-${end}` },
          signal,
        });
        if (answer.status === 206) return answer.body;
        await answer.body.dump();
        if (answer.status !== 404 && answer.status !== 412) throw this.failure('GET', object, answer.status);
        throw new StorageError('UNAVAILABLE', `${object} was changed while it was read`);
      },
      again: async (attempt, cause) => {
        signal?.throwIfAborted();
        if (isStorageError(cause)) throw cause;
        if (attempt === 1) backoff = new Backoff(clock, ids, times.retry);
        if (await backoff.again(signal)) return;
        throw this.client.broken({ method: 'GET', object }, cause);
      },
    };
  }
}

async function* compared(object: string, body: AsyncIterable<Buffer>, etag: string): AsyncGenerator<Buffer> {
  const md5 = createHash('md5');
  for await (const chunk of body) {
    md5.update(chunk);
    yield chunk;
  }
  if (md5.digest('hex') !== etag)
    throw new StorageError('UNAVAILABLE', `the bytes of ${object} are not those of its etag`);
}

type Reading = { readonly fresh?: boolean | undefined; readonly signal?: AbortSignal | undefined };

function newest(fresh: boolean | undefined): Record<string, string> {
  return fresh === true ? { 'X-Newest': 'true' } : {};
}

/** Bytes of the whole object (RFC 9110 §14.4). */
function totalOf(headers: IncomingHttpHeaders, status: number): number | undefined {
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
  if (total !== undefined) return Number(total);
  if (status === 416) return undefined;
  return headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
}
