import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';
import { Backoff } from './backoff.js';
import type { ContainerListing } from './container-listing.js';
import type { ObjectReader } from './object-reader.js';
import { bareEtag } from './slo.js';
import type { SloPart } from './slo.js';
import type { SwiftClient } from './swift-client.js';

/** As distribution's Swift driver names segments: from 1 on, without a gap. */
const NUMBERED = /^\/\d{16}$/;

/** The segments of dynamic large objects, each by its own name, length and etag. */
export class DloSegments {
  constructor(
    private readonly client: SwiftClient,
    private readonly reader: ObjectReader,
    private readonly listing: ContainerListing,
  ) {}

  /** What begins with the prefix, in order. @throws StorageError MISMATCH where one is gone */
  async find(prefix: string): Promise<readonly SloPart[]> {
    const listed: string[] = [];
    for await (const { name } of this.listing.all(prefix)) listed.push(name);
    const isNumbered = listed.every((name) => NUMBERED.test(name.slice(prefix.length)));
    const last = isNumbered ? Number(listed.at(-1)?.slice(-16) ?? 0) : 0;
    const numbers = Array.from({ length: last }, (_, i) => numbered(prefix, i + 1));
    const names = isNumbered ? [...new Set([...listed, ...numbers])].sort() : listed;
    const parts: SloPart[] = [];
    for (const name of names) {
      const part = await this.stat(name);
      if (part === undefined) throw new StorageError('MISMATCH', `the segment ${name} is gone`);
      parts.push(part);
    }
    // A listing lags: what follows the last is asked for by name.
    for (let number = last + 1; isNumbered; number++) {
      const part = await this.stat(numbered(prefix, number));
      if (part === undefined) break;
      parts.push(part);
    }
    return parts;
  }

  /** The digest in hexadecimal of these very segments. @throws StorageError MISMATCH where one is gone or changed */
  async hash(parts: readonly SloPart[], algorithm: string): Promise<string> {
    let hash = createHash(algorithm);
    for (const part of parts) hash = await this.append(hash, part);
    return hash.digest('hex');
  }

  /** Each segment is read alone: Swift slows down whoever reads many of them by one request. */
  private async append(hash: Hash, { object, size, etag }: SloPart): Promise<Hash> {
    const { clock, ids, times } = this.client.parts;
    const backoff = new Backoff(clock, ids, times.retry);
    for (;;) {
      const longer = hash.copy();
      try {
        for await (const chunk of await this.reader.openExactly(object, size, etag)) longer.update(chunk);
        return longer;
      } catch (error) {
        if (isStorageError(error, 'NOT_FOUND'))
          throw new StorageError('MISMATCH', `the segment ${error.message}`, { cause: error });
        if (!isStorageError(error) || !(await backoff.again())) throw error;
      }
    }
  }

  private async stat(object: string): Promise<SloPart | undefined> {
    const headers = await this.client.headNewest(object);
    if (headers === undefined) return undefined;
    const isManifest = headers['x-static-large-object'] !== undefined;
    return { object, etag: bareEtag(headers.etag), size: Number(headers['content-length']), isManifest };
  }
}

function numbered(prefix: string, number: number): string {
  return `${prefix}/${String(number).padStart(16, '0')}`;
}
