import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { MirrorEvent, MirrorTelemetry } from '../ports/mirror-telemetry.js';

/** What happens again and again has one line in so many milliseconds. */
const EVERY = 60_000;

type Told = Extract<MirrorEvent, { readonly kind: 'failed' | 'stale' }>;

interface Repeated {
  readonly since: number;
  /** Those that had no line yet. */
  count: number;
  last: Told;
}

/**
 * Writes to the log what the mirror does: states of upstreams, failures and stale answers at most once a minute for each
 * upstream and kind, with how often, and each object that was taken at level debug.
 */
export class MirrorLog implements MirrorTelemetry {
  /** As many as there are upstreams and kinds. */
  private readonly repeated = new Map<string, Repeated>();
  private readonly stopTimer: () => void;

  constructor(
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.stopTimer = clock.every(EVERY, () => this.tellLate());
  }

  mirrorEvent(event: MirrorEvent): void {
    switch (event.kind) {
      case 'state':
        return this.tellState(event);
      case 'fetched': {
        const { upstream, object, repository, digest, bytes } = event;
        return this.log.debug({ upstream, object, repository, digest, bytes }, 'taken from an upstream');
      }
      case 'failed':
      case 'stale':
        return this.tellOnce(event);
      default:
        return undefined;
    }
  }

  /** Tells what had no line yet. */
  close(): void {
    this.stopTimer();
    for (const { count, last } of this.repeated.values()) if (count > 0) this.tell(last, count);
    this.repeated.clear();
  }

  private tellState({ upstream, state, reason }: Extract<MirrorEvent, { kind: 'state' }>): void {
    const fields = { upstream, ...(reason !== undefined && { reason }) };
    if (state === 'up') this.log.info(fields, 'an upstream is up');
    else this.log.warn(fields, state === 'down' ? 'an upstream is down' : 'an upstream wants fewer requests');
  }

  private tellOnce(event: Told): void {
    const now = this.clock.now();
    const key = `${event.upstream} ${event.kind === 'failed' ? event.failure : event.kind}`;
    const before = this.repeated.get(key);
    if (before === undefined || now - before.since >= EVERY) {
      this.tell(event, 1 + (before?.count ?? 0));
      this.repeated.set(key, { since: now, count: 0, last: event });
    } else {
      before.count += 1;
      before.last = event;
    }
  }

  private tellLate(): void {
    const now = this.clock.now();
    for (const [key, { since, count, last }] of this.repeated) {
      if (now - since < EVERY) continue;
      this.repeated.delete(key);
      if (count === 0) continue;
      this.tell(last, count);
      this.repeated.set(key, { since: now, count: 0, last });
    }
  }

  private tell(event: Told, count: number): void {
    const { upstream, reason } = event;
    const often = count > 1 ? { count } : {};
    if (event.kind === 'stale') {
      const { repository, tag } = event;
      this.log.warn({ upstream, repository, tag, reason, ...often }, 'a tag is answered as it was known');
    } else {
      const { failure } = event;
      // That there is no such image is an answer.
      const level = failure === 'absent' ? 'debug' : 'warn';
      this.log[level](
        { upstream, failure, reason, ...often },
        'an upstream did not give what it was asked for',
      );
    }
  }
}
