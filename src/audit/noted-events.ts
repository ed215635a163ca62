import type { AuditEvent, NewAuditEvent } from '../ports/audit.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Key } from '../domain/keys.js';
import type { Logger } from '../ports/logger.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { OBJECT_SPAN, auditObjectKey, encodeEvents } from './audit-object.js';

const MOST_IN_OBJECT = 5000;
/** In memory while the store does not take them; then the oldest are lost. */
const MOST_KEPT = 20_000;
const TICK_MILLISECONDS = 1000;

/** What was done the first time, and how often since. */
interface Noted {
  readonly event: NewAuditEvent;
  readonly at: number;
  count: number;
}

/** An object that is not yet written; each attempt writes the same bytes under the same name. */
interface Sealed {
  readonly key: Key;
  readonly bytes: Buffer;
  readonly entries: number;
}

export interface NotedEventsParts {
  readonly driver: Pick<StorageDriver, 'put'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

/**
 * Collects events that happen often and writes them, equal ones as one with a count, within ten seconds. It writes on
 * a timer, never in the course of a request.
 */
export class NotedEvents {
  private open = new Map<string, Noted>();
  private since = 0;
  private sealed: Sealed[] = [];
  private kept = 0;
  private lost = 0;
  private failing = false;
  private writing: Promise<void> | undefined;
  private readonly stopTimer: () => void;

  constructor(private readonly parts: NotedEventsParts) {
    this.stopTimer = parts.clock.every(TICK_MILLISECONDS, () => void this.tick());
  }

  add(event: NewAuditEvent): void {
    const key = keyOf(event);
    const known = this.open.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const at = this.parts.clock.now();
    const isOver = at < this.since || at - this.since >= OBJECT_SPAN || this.open.size >= MOST_IN_OBJECT;
    if (this.open.size > 0 && isOver) this.seal();
    if (this.open.size === 0) this.since = at;
    this.open.set(key, { event, at, count: 1 });
  }

  /** Writes all that there is; resolves once it is written, or failed and is kept. */
  async flush(): Promise<void> {
    await this.writing;
    this.seal();
    await this.write();
  }

  /** Ends the timer. Answers how many events are left in memory. */
  stop(): number {
    this.stopTimer();
    return this.kept + this.open.size;
  }

  /** What would be older than ten seconds at the next tick goes now. */
  private async tick(): Promise<void> {
    if (this.open.size > 0 && this.parts.clock.now() + TICK_MILLISECONDS - this.since >= OBJECT_SPAN)
      this.seal();
    if (this.sealed.length > 0) await this.write();
  }

  private seal(): void {
    if (this.open.size === 0) return;
    const { ids, log } = this.parts;
    const entries = this.open.size;
    const bytes = encodeEvents([...this.open.values()].map(eventOf));
    this.sealed.push({ key: auditObjectKey(this.since, ids.unique()), bytes, entries });
    this.open = new Map();
    this.kept += entries;
    while (this.kept > MOST_KEPT) {
      const oldest = this.sealed.shift();
      if (oldest === undefined) break;
      if (this.lost === 0) log.warn({}, 'the oldest audit events are dropped: the store takes none');
      this.kept -= oldest.entries;
      this.lost += oldest.entries;
    }
  }

  private write(): Promise<void> {
    this.writing ??= this.writeSealed().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  /** Oldest first, until one fails; that and those after it are tried again at the next tick. */
  private async writeSealed(): Promise<void> {
    const { driver, log } = this.parts;
    try {
      for (let next = this.sealed[0]; next !== undefined; next = this.sealed[0]) {
        await driver.put(next.key, next.bytes);
        this.drop(next);
        this.failing = false;
      }
      if (this.lost > 0) log.warn({ events: this.lost }, 'audit events were lost while the store took none');
      this.lost = 0;
    } catch (error) {
      if (!this.failing) {
        log.warn(
          { reason: (error as Error).message },
          'could not write audit events; they are kept and tried again',
        );
      }
      this.failing = true;
    }
  }

  /** It may have gone meanwhile, as the oldest. */
  private drop(written: Sealed): void {
    if (this.sealed[0] !== written) return;
    this.sealed.shift();
    this.kept -= written.entries;
  }
}

function eventOf({ event, at, count }: Noted): AuditEvent {
  return { at: new Date(at).toISOString(), ...event, ...(count > 1 && { count }) };
}

/** Who did it comes last: no other part can hold the separator. */
function keyOf(event: NewAuditEvent): string {
  const { action, outcome, token, from, repository, reference, digest, target, detail, by } = event;
  return `${action}\0${outcome}\0${token}\0${from}\0${repository}\0${reference}\0${digest}\0${target}\0${detail}\0${by}`;
}
