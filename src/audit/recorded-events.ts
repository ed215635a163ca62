import type { AuditEvent, NewAuditEvent } from '../ports/audit.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { OBJECT_SPAN, auditObjectKey, encodeEvents } from './audit-object.js';

/** Events that one object will hold. */
interface Batch {
  /** Of the first. */
  readonly since: number;
  readonly events: AuditEvent[];
  /** Resolves once they are durable. */
  readonly written: Promise<void>;
}

/**
 * Writes events before anybody goes on: one object at a time. What comes while one is written goes into the next, all
 * together, so that many at once cost few objects.
 */
export class RecordedEvents {
  private open: Batch | undefined;
  /** Settles when nothing is being written. */
  private idle: Promise<void> = Promise.resolve();

  constructor(
    private readonly parts: {
      readonly driver: Pick<StorageDriver, 'put'>;
      readonly clock: Clock;
      readonly ids: Ids;
    },
  ) {}

  /** @throws StorageError for every event of an object that could not be written */
  add(event: NewAuditEvent): Promise<void> {
    const now = this.parts.clock.now();
    const batch = this.batchAt(now);
    batch.events.push({ at: new Date(now).toISOString(), ...event });
    return batch.written;
  }

  /** Resolves once all that was added is written, or failed. */
  settled(): Promise<void> {
    return this.idle;
  }

  private batchAt(now: number): Batch {
    const { open } = this;
    if (open !== undefined && now >= open.since && now - open.since < OBJECT_SPAN) return open;
    const events: AuditEvent[] = [];
    // Its first caller begins the write: the request log counts the object for that request.
    const written = this.idle.then(() => this.write(batch));
    const batch: Batch = { since: now, events, written };
    this.open = batch;
    // Whoever added an event hears of the failure.
    this.idle = written.catch(() => undefined);
    return batch;
  }

  private async write(batch: Batch): Promise<void> {
    if (this.open === batch) this.open = undefined;
    const { driver, ids } = this.parts;
    await driver.put(auditObjectKey(batch.since, ids.unique()), encodeEvents(batch.events));
  }
}
