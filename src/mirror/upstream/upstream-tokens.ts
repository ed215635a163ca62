import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../../domain/repository-name.js';
import type { Clock } from '../../ports/clock.js';
import type { TokenRequests, TokenService } from './token-requests.js';

/** Tokens before their end that are no longer used: half of their life, at most this. In milliseconds. */
const MARGIN = 30_000;
const MOST_TOKENS = 1000;

/** Bearer tokens of an upstream, one for each repository, taken when needed and used until shortly before their end. */
export class UpstreamTokens {
  private readonly known = new LRUCache<string, { readonly token: string; readonly until: number }>({
    max: MOST_TOKENS,
  });
  private readonly running = new Map<string, Promise<string>>();

  constructor(
    private readonly requests: TokenRequests,
    private readonly clock: Clock,
  ) {}

  /** @throws UpstreamError; the signal's reason, while the request goes on for others */
  async get(service: TokenService, repository: RepositoryName, signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    const key = JSON.stringify([service.realm.href, service.service, repository]);
    const known = this.known.get(key);
    if (known !== undefined && known.until > this.clock.now()) return known.token;
    return unlessAborted(this.running.get(key) ?? this.start(key, service, repository), signal);
  }

  /** Of a token that the upstream refused; a newer one stays. */
  forget(service: TokenService, repository: RepositoryName, token: string): void {
    const key = JSON.stringify([service.realm.href, service.service, repository]);
    if (this.known.peek(key)?.token === token) this.known.delete(key);
  }

  private start(key: string, service: TokenService, repository: RepositoryName): Promise<string> {
    const begun = this.clock.now();
    const running = this.requests
      .take(service, repository)
      .then(({ token, lifetime }) => {
        this.known.set(key, { token, until: begun + lifetime - Math.min(MARGIN, lifetime / 2) });
        return token;
      })
      .finally(() => this.running.delete(key));
    this.running.set(key, running);
    return running;
  }
}

/** Waits for what others may wait for too. @throws the signal's reason */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
