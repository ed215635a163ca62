import bcrypt from 'bcryptjs';
import { randomBytes } from 'node:crypto';
import { LoginLimits } from '../../../src/auth/login-limits.js';
import { Logins } from '../../../src/auth/logins.js';
import type { AuthBackend } from '../../../src/ports/auth.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Ids } from '../../../src/ports/ids.js';
import type { PasswordHasher } from '../../../src/ports/password-hasher.js';

/** A clock that stands still until it is moved. */
export class StillClock implements Clock {
  constructor(public time = 1_000_000) {}

  now(): number {
    return this.time;
  }

  every(): () => void {
    return () => undefined;
  }
}

export const testIds: Ids = {
  unique: () => randomBytes(13).toString('hex'),
  secret: (bytes) => randomBytes(bytes),
};

/** Real bcrypt, with a count of the compares and what they were with. */
export class CountingHasher implements PasswordHasher {
  readonly compared: string[] = [];

  hash(password: string): Promise<string> {
    return bcrypt.hash(password, 4);
  }

  matches(password: string, hash: string): Promise<boolean> {
    this.compared.push(hash);
    return bcrypt.compare(password, hash);
  }
}

/** A line of a password file, as `htpasswd -B` writes it. */
export function htpasswdLine(name: string, password: string, cost = 4): string {
  return `${name}:${bcrypt.hashSync(password, cost).replace(/^\$2b/, '$2y')}`;
}

export function loginsOf(clock: Clock, ...backends: readonly AuthBackend[]): Logins {
  return new Logins(backends, new LoginLimits(clock, { failures: 20, window: 300_000 }));
}
