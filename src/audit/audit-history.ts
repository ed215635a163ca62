import type { Page } from '../domain/page.js';
import type { Key } from '../domain/keys.js';
import type { AuditEvent, AuditQuery } from '../ports/audit.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { ListedObject, StorageDriver } from '../ports/storage-driver.js';
import { cursorOf, parseCursor } from './audit-cursor.js';
import type { AuditPosition } from './audit-cursor.js';
import { auditHours } from './audit-hours.js';
import { OBJECT_SPAN, decodeEvents, startOfTime, timeOfObject } from './audit-object.js';
import { readAhead } from './read-ahead.js';

const LIST_PAGE = 1000;
/** After which a page is given as it is: a query may match next to nothing. */
const OBJECTS_A_PAGE = 2000;

export interface AuditPageRequest {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

interface ReadObject {
  readonly key: Key;
  readonly events: readonly AuditEvent[];
}

/** Reads what was done, in the order of the objects: by time, but for ten seconds. */
export class AuditHistory {
  constructor(private readonly driver: Pick<StorageDriver, 'list' | 'read'>) {}

  /**
   * Everything that the query asks for; memory does not grow with it.
   * @throws StorageError, also UNAVAILABLE naming an object that is damaged; InvalidValue for a foreign cursor
   */
  async *events(query: AuditQuery, after?: string): AsyncGenerator<AuditEvent> {
    const position = after === undefined ? undefined : parseCursor(after);
    for await (const { key, events } of this.objects(query, position)) {
      for (const event of events.slice(linesRead(key, position))) if (isAsked(event, query)) yield event;
    }
  }

  /**
   * At most `limit` events. Where there is a `next` there may be more, though the page were empty: it also ends after
   * 2,000 objects. @throws as `events`
   */
  async page(query: AuditQuery, { limit, after }: AuditPageRequest): Promise<Page<AuditEvent>> {
    const position = after === undefined ? undefined : parseCursor(after);
    const items: AuditEvent[] = [];
    let last: AuditPosition | undefined;
    let objects = 0;
    for await (const { key, events } of this.objects(query, position)) {
      if (last !== undefined && objects === OBJECTS_A_PAGE) return { items, next: cursorOf(last) };
      objects += 1;
      for (let line = linesRead(key, position); line < events.length; line += 1) {
        const event = events[line];
        if (event === undefined || !isAsked(event, query)) continue;
        if (items.length === limit) return { items, next: cursorOf({ key, lines: line }) };
        items.push(event);
      }
      last = { key, lines: events.length };
    }
    return { items };
  }

  /** The objects that may hold what is asked for. */
  private objects(query: AuditQuery, position: AuditPosition | undefined): AsyncGenerator<ReadObject> {
    return readAhead(this.listed(query, position), ({ key }) => this.read(key));
  }

  private async *listed(
    query: AuditQuery,
    position: AuditPosition | undefined,
  ): AsyncGenerator<ListedObject> {
    const first = Math.max(query.from - OBJECT_SPAN, timeOfObject(position?.key ?? '') ?? 0);
    for await (const { prefix, time } of auditHours(this.driver, first)) {
      if (time >= query.to) return;
      let startAfter: string | undefined = startOfTime(Math.max(first, time));
      do {
        const listing: Awaited<ReturnType<StorageDriver['list']>> = await this.driver.list({
          prefix,
          startAfter,
          limit: LIST_PAGE,
        });
        for (const object of listing.objects) {
          const named = timeOfObject(object.key);
          if (named === undefined || (position !== undefined && object.key < position.key)) continue;
          if (named >= query.to) return;
          yield object;
        }
        startAfter = listing.next;
      } while (startAfter !== undefined);
    }
  }

  /** Undefined for one that was deleted since it was listed: its time to be kept is over. */
  private async read(key: Key): Promise<ReadObject | undefined> {
    const bytes = await this.driver.read(key).catch((error: unknown) => {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      if (!isStorageError(error)) throw error;
      const { retryAfter, message } = error;
      throw new StorageError('UNAVAILABLE', `the audit object ${key} cannot be read: ${message}`, {
        cause: error,
        retryAfter,
      });
    });
    return bytes && { key, events: decodeEvents(key, bytes) };
  }
}

function linesRead(key: string, position: AuditPosition | undefined): number {
  return position?.key === key ? position.lines : 0;
}

function isAsked(event: AuditEvent, { from, to, by, repository, action }: AuditQuery): boolean {
  const at = Date.parse(event.at);
  return (
    at >= from &&
    at < to &&
    (by === undefined || event.by === by) &&
    (repository === undefined || event.repository === repository) &&
    (action === undefined || event.action === action)
  );
}
