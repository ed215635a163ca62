import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.js';

interface Count {
  failures: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

const REMEMBERED = 20_000;
const TRUSTED_MILLISECONDS = 24 * 60 * 60_000;
const MOST_QUEUED = 256;
const QUEUE_FULL_MILLISECONDS = 1000;

/** What came of an attempt; undecided is what was not compared at all. */
export type Outcome = 'succeeded' | 'failed' | 'outage' | 'undecided';

/**
 * Counts failed logins of each account, each address, and each of both together. Where an account or address has too
 * many, only who logged in there lately may still try: nobody locks another out by guessing. An attempt counts as a
 * failure while it runs; one that would go over a limit so waits for those before it.
 */
export class LoginLimits {
  private readonly counts = new LRUCache<string, Count>({ max: REMEMBERED });
  private readonly trusted = new LRUCache<string, number>({ max: REMEMBERED });
  private readonly running = new Map<string, number>();
  private queue: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly options: {
      readonly failures: number;
      /** Milliseconds in which they are counted. */
      readonly window: number;
    },
  ) {}

  /** Whether it logged in there lately. */
  isTrusted(account: string, address: string): boolean {
    return this.isTrustedPair(pair(account, address));
  }

  /** Milliseconds until it may try again; 0 where it may. */
  wait(account: string, address: string): number {
    return this.waitOf(keysOf(account, address));
  }

  /** Begins an attempt, which `end` must end, and answers 0; else the milliseconds until it may try again. */
  async begin(account: string, address: string): Promise<number> {
    const keys = keysOf(account, address);
    for (;;) {
      const wait = this.waitOf(keys);
      if (wait > 0) return wait;
      if (this.hasRoom(keys)) break;
      if (this.queue.length >= MOST_QUEUED) return QUEUE_FULL_MILLISECONDS;
      await new Promise<void>((resolve) => this.queue.push(resolve));
    }
    for (const key of keys) this.running.set(key, this.runningOf(key) + 1);
    return 0;
  }

  end(account: string, address: string, outcome: Outcome): void {
    for (const key of keysOf(account, address)) {
      const running = this.runningOf(key) - 1;
      if (running > 0) this.running.set(key, running);
      else this.running.delete(key);
    }
    if (outcome === 'succeeded') this.succeeded(account, address);
    if (outcome === 'failed') this.failed(account, address);
    if (outcome === 'outage') this.countFailure(addressKey(address));
    const waiting = this.queue;
    this.queue = [];
    for (const goOn of waiting) goOn();
  }

  failed(account: string, address: string): void {
    for (const key of keysOf(account, address)) this.countFailure(key);
  }

  succeeded(account: string, address: string): void {
    const both = pair(account, address);
    this.trusted.set(both, this.clock.now() + TRUSTED_MILLISECONDS);
    this.counts.delete(both);
  }

  private countFailure(key: string): void {
    const count = this.count(key) ?? { failures: 0, since: this.clock.now() };
    count.failures += 1;
    this.counts.set(key, count);
  }

  private isTrustedPair(both: string): boolean {
    return (this.trusted.get(both) ?? 0) > this.clock.now();
  }

  /** Those of an account, an address and both that bind. */
  private bindingOf(keys: Keys): readonly string[] {
    return this.isTrustedPair(keys[0]) ? [keys[0]] : keys;
  }

  private waitOf(keys: Keys): number {
    return Math.max(...this.bindingOf(keys).map((key) => this.waitOfKey(key)));
  }

  /** Whether one more could fail, were all that run to fail. */
  private hasRoom(keys: Keys): boolean {
    const failures = (key: string): number => (this.count(key)?.failures ?? 0) + this.runningOf(key);
    return this.bindingOf(keys).every((key) => failures(key) < this.options.failures);
  }

  private runningOf(key: string): number {
    return this.running.get(key) ?? 0;
  }

  private waitOfKey(key: string): number {
    const count = this.count(key);
    if (count === undefined || count.failures < this.options.failures) return 0;
    return count.since + this.options.window - this.clock.now();
  }

  private count(key: string): Count | undefined {
    const count = this.counts.get(key);
    return count !== undefined && count.since + this.options.window > this.clock.now() ? count : undefined;
  }
}

/** Of both together, of the account, of the address. */
type Keys = readonly [both: string, account: string, address: string];

function keysOf(account: string, address: string): Keys {
  return [pair(account, address), hash('sha256', `account ${account}`), addressKey(address)];
}

function addressKey(address: string): string {
  return hash('sha256', `address ${networkOf(address)}`);
}

/** Hashed: what strangers send must not fill the memory. */
function pair(account: string, address: string): string {
  return hash('sha256', JSON.stringify([account, networkOf(address)]));
}

/** Of IPv6 the first 64 bits: one client has all the rest. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':').filter((group) => group !== '');
  const after = tail?.split(':').filter((group) => group !== '') ?? [];
  while (groups.length + after.length < 8) groups.push('0');
  return [...groups, ...after].slice(0, 4).join(':');
}
