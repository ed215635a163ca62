import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { Clock } from '../../src/ports/clock.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { login as logIn, type Login, type LoginOptions } from './identity.js';
import { loginFailure } from './login-failure.js';
import type { SwiftAccess, SwiftTokens } from './swift-client.js';

export interface SwiftSessionParts {
  readonly account: OpenStackAccount;
  readonly clock: Clock;
  /** Milliseconds that one login may take. */
  readonly timeout: number;
  /** For tests. */
  readonly login?: (account: OpenStackAccount, options: LoginOptions) => Promise<Login>;
}

interface HeldToken {
  readonly access: SwiftAccess;
  readonly expiresAt: number;
  readonly renewAt: number;
}

/** Milliseconds. */
const EARLIEST_RENEWAL = 5 * 60_000;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/**
 * The token that this process uses for Swift. One login runs at a time, whoever waits for it; a token that still
 * lives is renewed while it goes on being handed out; logins that fail or do not help are not hurried.
 */
export class SwiftSession implements SwiftTokens {
  private held: HeldToken | undefined;
  private renewal: Promise<HeldToken> | undefined;
  /** The token that Swift accepted no more. */
  private refused: string | undefined;
  private failure: Error | undefined;
  private pause = 0;
  private pausedUntil = 0;
  private readonly closing = new AbortController();

  constructor(private readonly parts: SwiftSessionParts) {}

  async access(signal?: AbortSignal): Promise<SwiftAccess> {
    signal?.throwIfAborted();
    const now = this.parts.clock.now();
    const { held } = this;
    if (held === undefined || now >= held.expiresAt) {
      return (await waitFor(this.renew(now), signal)).access;
    }
    if (now >= held.renewAt) this.renew(now).catch(() => undefined);
    return held.access;
  }

  /** Drops the token, unless it is no longer the one in use or was only just given again in answer to a refusal. */
  refuse(token: string): void {
    if (this.held?.access.token !== token) return;
    if (this.refused === token && this.parts.clock.now() < this.pausedUntil) return;
    this.refused = token;
    this.held = undefined;
  }

  /** Ends a login that still runs. */
  close(): void {
    this.closing.abort(new StorageError('UNAVAILABLE', 'the Swift driver is closed'));
  }

  private renew(now: number): Promise<HeldToken> {
    if (this.renewal !== undefined) return this.renewal;
    if (this.failure !== undefined && now < this.pausedUntil) {
      return Promise.reject(repeated(this.failure, this.pausedUntil - now));
    }
    this.renewal = this.logIn(now).finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async logIn(now: number): Promise<HeldToken> {
    const { account, clock, timeout, login = logIn } = this.parts;
    const previous = this.held?.access.token;
    try {
      const given = await login(account, { now, timeout, signal: this.closing.signal });
      this.failure = undefined;
      if (given.token !== this.refused) {
        this.refused = undefined;
        this.pause = 0;
        this.pausedUntil = 0;
      } else if (given.expiresAt === Infinity) throw loginFailure(account, FIXED);
      else this.lengthenPause(clock.now());
      // Swift's own logins give the same token until it ends: to ask for it earlier is of no use.
      this.held = hold(given, now, given.token === previous || given.token === this.refused);
      return this.held;
    } catch (error) {
      this.failure = error as Error;
      this.lengthenPause(clock.now());
      throw error;
    }
  }

  private lengthenPause(now: number): void {
    this.pause = Math.min(Math.max(this.pause * 2, FIRST_PAUSE), LONGEST_PAUSE);
    this.pausedUntil = now + this.pause;
  }
}

const FIXED =
  'Swift refuses the token, which cannot be renewed (HTTP 401); set a new storage.swift.token or log in by other means';

function hold({ token, storageUrl, expiresAt }: Login, now: number, isOld: boolean): HeldToken {
  const margin = Math.min(EARLIEST_RENEWAL, (expiresAt - now) / 10);
  return {
    access: { token, storageUrl: new URL(storageUrl) },
    expiresAt,
    renewAt: isOld ? expiresAt : expiresAt - margin,
  };
}

function repeated(failure: Error, wait: number): StorageError {
  const retryAfter = Math.ceil(wait / 1000);
  return new StorageError('UNAVAILABLE', failure.message, { cause: failure.cause, retryAfter });
}

async function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
