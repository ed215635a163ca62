import type { Exchange } from './exchange.js';
import type { Fault } from './fault.js';
import { isMatch, type RequestPattern } from './request-log.js';

export interface Match extends RequestPattern {
  /** Only the nth request that matches the rest and that the fault can happen to, from 1 since the injection. */
  readonly nth?: number;
}

export interface InjectionOptions {
  /** Without it every request that the fault can happen to. */
  readonly match?: Match;
  /** How many requests it happens to at most. */
  readonly times?: number | 'always';
  readonly fault: Fault;
}

/** A fault that is in force. */
export interface Injection {
  readonly name: string;
  /** How many requests it happened to. */
  readonly hits: number;
  /** Ends it; requests that it holds are reset. */
  remove(): void;
}

/** Decides which requests a fault happens to. */
export class Rule implements Injection {
  readonly fault: Fault;
  hits = 0;
  private readonly match: Match;
  private readonly most: number;
  private readonly removal = new AbortController();
  private matched = 0;

  constructor({ match = {}, times = 'always', fault }: InjectionOptions) {
    this.match = match;
    this.most = times === 'always' ? Infinity : times;
    this.fault = fault;
  }

  get name(): string {
    return this.fault.name;
  }

  /** Aborts when the rule is removed. */
  get removed(): AbortSignal {
    return this.removal.signal;
  }

  remove(): void {
    this.removal.abort();
  }

  /** Whether the fault happens to this request; asked once for each, and counted. */
  takes(exchange: Exchange): boolean {
    if (this.removed.aborted || this.hits >= this.most) return false;
    if (!(this.fault.holds?.(exchange) ?? false)) {
      if (!isMatch(exchange.record, this.match) || !(this.fault.applies?.(exchange) ?? true)) return false;
      this.matched += 1;
      if (this.match.nth !== undefined && this.matched !== this.match.nth) return false;
    }
    this.hits += 1;
    this.fault.begin?.(exchange);
    return true;
  }
}
