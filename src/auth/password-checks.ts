import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.js';
import type { Credentials } from '../ports/auth.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import { networkOf } from './login-limits.js';

/** Of a password that nobody has: compared with where there is no such user, so that the answer takes as long. */
const NOBODYS = '$2b$10$0W7m1yZ7H1HnA3x0bqXbSeNq0GxC0cM5mXlJ5QqJ2kQ0vVqgYxk5W';
const REMEMBERED = 10_000;
const REMEMBERED_MILLISECONDS = 60_000;
const MOST_WAITING = 64;
/** The other places are kept for those who logged in lately. */
const MOST_STRANGERS = 48;
/** Of strangers, and of the others. */
const MOST_OF_ADDRESS = 8;

/** Who wants a comparison; without an address it counts for none. */
export type Caller = Pick<Credentials, 'address' | 'trusted'>;

/**
 * Compares passwords with hashes. A right one is remembered for a minute, under a keyed hash of all that made it right.
 * Equal comparisons at once are one.
 */
export class PasswordChecks {
  private readonly right = new LRUCache<string, number>({ max: REMEMBERED });
  private readonly secret: Buffer;
  private readonly running = new Map<string, Promise<boolean>>();
  private waiting = 0;
  private strangers = 0;
  private readonly ofAddress = new Map<string, number>();

  constructor(
    private readonly hasher: PasswordHasher,
    private readonly clock: Clock,
    ids: Ids,
  ) {
    this.secret = ids.secret(32);
  }

  /** `hash` is undefined where there is no such user. @throws RegistryError TOOMANYREQUESTS */
  async matches(
    username: string,
    password: string,
    hash: string | undefined,
    caller: Caller = {},
  ): Promise<boolean> {
    const text = JSON.stringify([username, password, hash]);
    const key = createHmac('sha256', this.secret).update(text).digest('base64');
    if ((this.right.get(key) ?? 0) > this.clock.now()) return true;
    const compare = (): Promise<boolean> => this.compare(password, hash ?? NOBODYS, caller);
    const matches = await (this.running.get(key) ?? this.start(key, compare));
    if (!matches || hash === undefined) return false;
    this.right.set(key, this.clock.now() + REMEMBERED_MILLISECONDS);
    return true;
  }

  private start(key: string, compare: () => Promise<boolean>): Promise<boolean> {
    const comparing = compare().finally(() => this.running.delete(key));
    this.running.set(key, comparing);
    return comparing;
  }

  private async compare(password: string, hash: string, caller: Caller): Promise<boolean> {
    if (!this.hasPlace(caller)) {
      const headers = { 'Retry-After': '5' };
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins at once; try again', { headers });
    }
    this.count(caller, 1);
    try {
      return await this.hasher.matches(password, hash);
    } finally {
      this.count(caller, -1);
    }
  }

  private hasPlace(caller: Caller): boolean {
    if (this.waiting >= MOST_WAITING) return false;
    if (caller.trusted !== true && this.strangers >= MOST_STRANGERS) return false;
    const place = placeOf(caller);
    return place === undefined || (this.ofAddress.get(place) ?? 0) < MOST_OF_ADDRESS;
  }

  private count(caller: Caller, change: 1 | -1): void {
    this.waiting += change;
    if (caller.trusted !== true) this.strangers += change;
    const place = placeOf(caller);
    if (place === undefined) return;
    const count = (this.ofAddress.get(place) ?? 0) + change;
    if (count === 0) this.ofAddress.delete(place);
    else this.ofAddress.set(place, count);
  }
}

/** Strangers behind one proxy must not fill what those have who log in there. */
function placeOf({ address, trusted }: Caller): string | undefined {
  return address === undefined ? undefined : `${networkOf(address)} ${trusted === true}`;
}
