import type { RepositoryName } from '../../domain/repository-name.js';
import type { Clock } from '../../ports/clock.js';
import type { MirrorTelemetry } from '../../ports/mirror-telemetry.js';
import type { UpstreamState } from './upstream-access.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamFailure } from './upstream-error.js';
import type { CircuitLimits } from './upstream-limits.js';

export interface HealthParts {
  readonly clock: Clock;
  readonly telemetry: MirrorTelemetry;
}

/** What came of one question; the first end counts. */
export interface Passage {
  /** The upstream began to answer. */
  answered(): void;
  /** It answered, and all of that has come. */
  whole(): void;
  /** It failed; once it has ended, this is only told. */
  failed(error: UpstreamError): void;
  /** Nobody waits any more. */
  left(): void;
}

/**
 * Whether an upstream may be asked: not before the time that it named itself (`limited`), and after some failures in a
 * row not for a while (`down`), and then by one question alone until that is answered. What fails of one repository
 * counts once in such a row, and what fails elsewhere not at all.
 */
export class UpstreamHealth {
  private name: UpstreamState['state'] = 'up';
  private since: number | undefined;
  private until = 0;
  private last: { readonly failure: UpstreamFailure; readonly reason: string } | undefined;
  private failures = 0;
  /** Those that count among the failures by themselves. */
  private readonly failing = new Set<RepositoryName>();
  private wait: number;
  private probe: Passage | undefined;

  constructor(
    private readonly upstream: string,
    private readonly parts: HealthParts,
    private readonly limits: CircuitLimits,
  ) {
    this.wait = limits.leastWait;
  }

  /** Lets one question through. @throws UpstreamError `limited`, `unavailable`, at once */
  enter(repository: RepositoryName): Passage {
    const rest = Math.ceil((this.until - this.parts.clock.now()) / 1000);
    const options = { retryAfter: Math.max(rest, 1) };
    if (this.name === 'limited' && rest > 0) {
      throw new UpstreamError('limited', this.untold('wants to be asked later'), options);
    }
    if (this.name === 'down' && (rest > 0 || this.probe !== undefined)) {
      throw new UpstreamError('unavailable', this.untold('is left alone for a while'), options);
    }
    const passage = this.passage(repository);
    if (this.name === 'down') this.probe = passage;
    return passage;
  }

  state(): UpstreamState {
    return {
      state: this.name,
      since: this.since,
      ...(this.name !== 'up' && this.until > this.parts.clock.now() && { until: this.until }),
      ...this.last,
    };
  }

  private passage(repository: RepositoryName): Passage {
    let ended = false;
    const end = (): boolean => {
      const isFirst = !ended;
      ended = true;
      if (this.probe === passage) this.probe = undefined;
      return isFirst;
    };
    const passage: Passage = {
      answered: () => {
        if (this.probe === passage) this.probe = undefined;
        this.answered();
      },
      whole: () => {
        if (!end()) return;
        this.answered();
        this.forgive();
        this.wait = this.limits.leastWait;
      },
      failed: (error) => {
        const wasProbe = this.probe === passage;
        this.tell(error);
        if (end()) this.count(error, repository, wasProbe);
      },
      left: () => void end(),
    };
    return passage;
  }

  private answered(): void {
    if (this.name === 'limited' && this.until > this.parts.clock.now()) return;
    if (this.name === 'up' && this.since !== undefined) return;
    if (this.name === 'down') this.forgive();
    this.become('up');
  }

  private forgive(): void {
    this.failures = 0;
    this.failing.clear();
  }

  private count(error: UpstreamError, repository: RepositoryName, wasProbe: boolean): void {
    const now = this.parts.clock.now();
    if (error.about === 'elsewhere') {
      this.answered();
      return;
    }
    if (error.failure === 'limited') {
      this.until = Math.max(now + error.retryAfter * 1000, this.name === 'limited' ? this.until : 0);
      if (this.name !== 'limited') this.become('limited', error.message);
      return;
    }
    if (error.failure !== 'unavailable') {
      this.answered();
      this.forgive();
      return;
    }
    // Questions that were on their way when it went down say nothing new.
    if (this.name === 'down' && !wasProbe) return;
    if (error.about === 'repository' && !wasProbe) {
      if (this.failing.has(repository)) return;
      this.failing.add(repository);
    }
    this.failures += 1;
    if (!wasProbe && this.failures < this.limits.failures) return;
    if (this.name === 'limited' && this.until > now) return;
    this.until = now + this.wait;
    this.wait = Math.min(this.wait * 2, this.limits.mostWait);
    if (this.name !== 'down') this.become('down', error.message);
  }

  private become(state: UpstreamState['state'], reason?: string): void {
    this.name = state;
    this.since = this.parts.clock.now();
    const event = { upstream: this.upstream, kind: 'state' as const, state };
    this.parts.telemetry.mirrorEvent(reason === undefined ? event : { ...event, reason });
  }

  private tell({ failure, message: reason }: UpstreamError): void {
    if (failure !== 'absent') this.last = { failure, reason };
    this.parts.telemetry.mirrorEvent({ upstream: this.upstream, kind: 'failed', failure, reason });
  }

  private untold(why: string): string {
    return `${this.upstream} ${why}${this.last === undefined ? '' : `: ${this.last.reason}`}`;
  }
}
