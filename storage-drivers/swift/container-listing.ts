import { StorageError } from '../../src/ports/storage-driver.js';
import type { SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';
import type { SwiftInfo } from './swift-info.js';

export interface ListedName {
  readonly name: string;
  readonly size: number;
  readonly lastModified: Date;
}

export interface NamesListing {
  readonly objects: readonly ListedName[];
  readonly prefixes: readonly string[];
  /** The last of both, where more follows. */
  readonly next?: string;
}

export interface ListRequest {
  readonly prefix: string;
  readonly delimiter?: string | undefined;
  /** Exclusive. */
  readonly marker?: string | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

interface Row {
  readonly name?: string;
  readonly subdir?: string;
  readonly bytes?: number;
  readonly last_modified?: string;
}

/** Lists the container. A listing lags behind its objects. */
export class ContainerListing {
  constructor(
    private readonly client: SwiftClient,
    /** The limits of Swift, waited for. */
    private readonly ready: (signal?: AbortSignal) => Promise<SwiftInfo>,
  ) {}

  /** At most `limit` entries, in order of UTF-8 bytes. */
  async page({ limit, ...request }: ListRequest): Promise<NamesListing> {
    const { listingLimit } = await this.ready(request.signal);
    const rows: Row[] = [];
    let { marker } = request;
    for (;;) {
      // One more than wanted tells whether there is more.
      const wanted = Math.min(limit + 1 - rows.length, listingLimit);
      const page = await this.rows({ ...request, marker, limit: wanted });
      rows.push(...page);
      if (rows.length > limit || page.length < wanted) break;
      marker = nameOf(page.at(-1));
    }
    const kept = rows.slice(0, limit);
    return {
      objects: kept.flatMap(({ name, bytes = 0, last_modified = '' }) =>
        name === undefined ? [] : [{ name, size: bytes, lastModified: wholeSecond(last_modified) }],
      ),
      prefixes: kept.flatMap(({ subdir }) => (subdir === undefined ? [] : [subdir])),
      ...(rows.length > limit && { next: nameOf(kept.at(-1)) ?? '' }),
    };
  }

  /** Every object, page after page. */
  async *all(prefix: string, marker?: string): AsyncGenerator<ListedName, void, void> {
    const { listingLimit } = await this.ready();
    for (;;) {
      const { objects, next } = await this.page({ prefix, marker, limit: listingLimit - 1 });
      yield* objects;
      if (next === undefined) return;
      marker = next;
    }
  }

  private async rows({ prefix, delimiter, marker, limit, signal }: ListRequest): Promise<Row[]> {
    const query = new URLSearchParams({ format: 'json', prefix, limit: String(limit) });
    if (delimiter !== undefined) query.set('delimiter', delimiter);
    if (marker !== undefined) query.set('marker', marker);
    const { status, text } = await this.client.sendForText({
      method: 'GET',
      query: query.toString(),
      signal,
    });
    if (status !== 200) throw swiftFailure(this.client.nameOf({ method: 'GET' }), status);
    try {
      return JSON.parse(text.toString()) as Row[];
    } catch (error) {
      throw new StorageError('UNAVAILABLE', 'Swift answered a listing with something else', { cause: error });
    }
  }
}

function nameOf(row: Row | undefined): string | undefined {
  return row?.name ?? row?.subdir;
}

/**
 * A listing has fractions of seconds, without a zone; Last-Modified has them rounded up.
 * @throws StorageError UNAVAILABLE for what is no time: whoever deletes by age must not be told one
 */
function wholeSecond(text: string): Date {
  const time = Date.parse(text.endsWith('Z') ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new StorageError('UNAVAILABLE', `a listing of Swift has the time '${text}'`);
  return new Date(Math.ceil(time / 1000) * 1000);
}
