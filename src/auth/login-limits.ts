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

/**
 * Counts failed logins of each account, each address, and each of both together. Where an account or address has too
 * many, only who logged in there lately may still try: nobody locks another out by guessing.
 */
export class LoginLimits {
  private readonly counts = new LRUCache<string, Count>({ max: REMEMBERED });
  private readonly trusted = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(
    private readonly clock: Clock,
    private readonly options: {
      readonly failures: number;
      /** Milliseconds in which they are counted. */
      readonly window: number;
    },
  ) {}

  /** Milliseconds until it may try again; 0 where it may. */
  wait(account: string, address: string): number {
    const both = pair(account, address);
    const isTrusted = (this.trusted.get(both) ?? 0) > this.clock.now();
    const keys = isTrusted ? [both] : keysOf(account, address);
    return Math.max(...keys.map((key) => this.waitOf(key)));
  }

  failed(account: string, address: string): void {
    for (const key of keysOf(account, address)) {
      const count = this.count(key) ?? { failures: 0, since: this.clock.now() };
      count.failures += 1;
      this.counts.set(key, count);
    }
  }

  succeeded(account: string, address: string): void {
    const both = pair(account, address);
    this.trusted.set(both, this.clock.now() + TRUSTED_MILLISECONDS);
    this.counts.delete(both);
  }

  private waitOf(key: string): number {
    const count = this.count(key);
    if (count === undefined || count.failures < this.options.failures) return 0;
    return count.since + this.options.window - this.clock.now();
  }

  private count(key: string): Count | undefined {
    const count = this.counts.get(key);
    return count !== undefined && count.since + this.options.window > this.clock.now() ? count : undefined;
  }
}

function keysOf(account: string, address: string): readonly string[] {
  const network = networkOf(address);
  return [pair(account, address), hash('sha256', `account ${account}`), hash('sha256', `address ${network}`)];
}

/** Hashed: what strangers send must not fill the memory. */
function pair(account: string, address: string): string {
  return hash('sha256', JSON.stringify([account, networkOf(address)]));
}

/** Of IPv6 the first 64 bits: one client has all the rest. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':').filter((group) => group !== '');
  const after = tail?.split(':').filter((group) => group !== '') ?? [];
  while (groups.length + after.length < 8) groups.push('0');
  return [...groups, ...after].slice(0, 4).join(':');
}
