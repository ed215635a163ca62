import { AUDIT_PREFIX } from '../domain/keys.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { hourOf, hourTime } from './audit-object.js';

const PAGE = 1000;

/** One hour of which there are objects. */
export interface AuditHour {
  /** Of every object of the hour. */
  readonly prefix: string;
  /** When it begins, in milliseconds since 1970. */
  readonly time: number;
}

/** The hours of which there are objects, from the one that `from` lies in, in order. @throws StorageError */
export async function* auditHours(
  driver: Pick<StorageDriver, 'list'>,
  from?: number,
): AsyncGenerator<AuditHour> {
  let startAfter = from === undefined ? undefined : `${AUDIT_PREFIX}${hourOf(from)}`;
  do {
    const listing = await driver.list({
      prefix: AUDIT_PREFIX,
      delimiter: '/',
      limit: PAGE,
      ...(startAfter !== undefined && { startAfter }),
    });
    for (const prefix of listing.prefixes) {
      const time = hourTime(prefix.slice(AUDIT_PREFIX.length, -1));
      if (time !== undefined) yield { prefix, time };
    }
    startAfter = listing.next;
  } while (startAfter !== undefined);
}
