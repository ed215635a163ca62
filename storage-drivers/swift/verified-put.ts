import { createHash } from 'node:crypto';
import { StorageError, StoredOtherwise } from '../../src/ports/storage-driver.js';
import type { ObjectStat, PutVerifiedOptions } from '../../src/ports/storage-driver.js';
import { abortable } from '../abortable.js';
import { HELD_BYTES, lastModifiedOf } from './object-writer.js';
import type { ObjectWriter } from './object-writer.js';
import type { OpenPut, StreamedPuts } from './streamed-put.js';
import type { SwiftClient } from './swift-client.js';

/** Puts bodies whose digest is known at their final name; nothing is stored of a body that differs. */
export class VerifiedPuts {
  constructor(
    private readonly client: SwiftClient,
    private readonly writer: ObjectWriter,
    private readonly puts: StreamedPuts,
  ) {}

  /** @throws StorageError MISMATCH; EXISTS only after the body matched */
  async put(
    object: string,
    body: AsyncIterable<Uint8Array>,
    options: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    const verified = verify(object, abortable(body, options.signal), options);
    return options.size <= HELD_BYTES
      ? this.putHeld(object, verified, options)
      : this.putStreamed(object, verified, options);
  }

  private async putHeld(
    object: string,
    body: AsyncIterable<Uint8Array>,
    { replace, signal }: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return this.writer.put(object, Buffer.concat(chunks), { ifAbsent: replace !== true, signal });
  }

  private async putStreamed(
    object: string,
    body: AsyncIterable<Uint8Array>,
    { size, replace, signal }: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    const headers = replace === true ? {} : { 'If-None-Match': '*' };
    const put = await this.puts.open({ object, headers, length: size, signal });
    const md5 = createHash('md5');
    try {
      for await (const chunk of body) {
        if (put === undefined) continue;
        md5.update(chunk);
        await put.write(chunk);
      }
      if (put === undefined) throw new StorageError('EXISTS', `${object} exists`);
      return await this.end(object, put, md5.digest('hex'), size);
    } catch (error) {
      put?.abandon();
      throw error;
    }
  }

  private async end(object: string, put: OpenPut, etag: string, size: number): Promise<ObjectStat> {
    const answer = await put.end();
    try {
      this.writer.requireStored(object, answer, etag);
    } catch (error) {
      // Other bytes than were sent must not stay readable under their digest.
      if (answer.status === 201) await this.takeAway(object);
      throw error;
    }
    return { size, lastModified: lastModifiedOf(answer.headers) };
  }

  private async takeAway(object: string): Promise<void> {
    const request = { method: 'DELETE', object } as const;
    const outcome = await this.client.sendForHead(request).catch((error: unknown) => error);
    if (
      outcome instanceof Object &&
      'status' in outcome &&
      (outcome.status === 204 || outcome.status === 404)
    )
      return;
    throw new StoredOtherwise(
      `Swift holds other bytes of ${object} than were sent, and does not delete them`,
      {
        cause: outcome,
      },
    );
  }
}

/** The same bytes, the last of them only once all were found to have the announced size and digest. */
async function* verify(
  object: string,
  body: AsyncIterable<Uint8Array>,
  { digest, size }: PutVerifiedOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const mismatch = new StorageError(
    'MISMATCH',
    `${object}: the body does not have the announced size and digest`,
  );
  const sha256 = createHash('sha256');
  let received = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    if (chunk.byteLength === 0) continue;
    received += chunk.byteLength;
    if (received > size) throw mismatch;
    sha256.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (received !== size || sha256.digest('hex') !== digest.hex) throw mismatch;
  if (held !== undefined) yield held;
}
