import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { PasswordHasher } from '../ports/password-hasher.js';

/** Of a password that nobody has: compared with where there is no such user, so that the answer takes as long. */
const NOBODYS = '$2b$10$0W7m1yZ7H1HnA3x0bqXbSeNq0GxC0cM5mXlJ5QqJ2kQ0vVqgYxk5W';
const REMEMBERED = 10_000;
const REMEMBERED_MILLISECONDS = 60_000;
const MOST_WAITING = 64;

/** Compares passwords with hashes. A right one is remembered for a minute, under a keyed hash of all that made it right. */
export class PasswordChecks {
  private readonly right = new LRUCache<string, number>({ max: REMEMBERED });
  private readonly secret: Buffer;
  private waiting = 0;

  constructor(
    private readonly hasher: PasswordHasher,
    private readonly clock: Clock,
    ids: Ids,
  ) {
    this.secret = ids.secret(32);
  }

  /** `hash` is undefined where there is no such user. @throws RegistryError TOOMANYREQUESTS */
  async matches(username: string, password: string, hash: string | undefined): Promise<boolean> {
    const text = JSON.stringify([username, password, hash]);
    const key = createHmac('sha256', this.secret).update(text).digest('base64');
    if ((this.right.get(key) ?? 0) > this.clock.now()) return true;
    const matches = await this.compare(password, hash ?? NOBODYS);
    if (!matches || hash === undefined) return false;
    this.right.set(key, this.clock.now() + REMEMBERED_MILLISECONDS);
    return true;
  }

  private async compare(password: string, hash: string): Promise<boolean> {
    if (this.waiting >= MOST_WAITING) {
      const headers = { 'Retry-After': '5' };
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins at once; try again', { headers });
    }
    this.waiting += 1;
    try {
      return await this.hasher.matches(password, hash);
    } finally {
      this.waiting -= 1;
    }
  }
}
