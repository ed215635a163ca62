import { hash } from 'node:crypto';
import { RegistryError } from '../errors/registry-error.js';
import { BackendOutage } from '../ports/auth.js';
import type { AuditTrail } from '../ports/audit.js';
import type { AuthBackend, Credentials, PastLogin, Principal } from '../ports/auth.js';
import { tokenIdIn } from './access-tokens.js';
import type { LoginLimits, Outcome } from './login-limits.js';

/** Who logged in, and which backend knows it. */
export interface Login {
  readonly principal: Principal;
  readonly backend: AuthBackend;
}

/** Which logins are recorded: those that authenticate each request anew record only failures. */
export interface LoginRecord {
  readonly record: 'all' | 'failures';
}

/** No name is longer. */
const MOST_NAME = 64;

/**
 * Asks one backend after another who somebody is, and has it recorded before it answers. Equal logins at once are one
 * attempt: a thousand hosts that deploy with one robot's secret, behind one address, are not told to come back later.
 */
export class Logins {
  private readonly running = new Map<string, Promise<Login | undefined>>();

  constructor(
    private readonly backends: readonly AuthBackend[],
    private readonly limits: LoginLimits,
    private readonly audit?: Pick<AuditTrail, 'record'>,
  ) {}

  /**
   * @throws RegistryError UNAUTHORIZED, TOOMANYREQUESTS; UNAVAILABLE where it cannot be decided; StorageError where it
   * cannot be recorded
   */
  async login(
    credentials: Credentials,
    address: string,
    { record }: LoginRecord = { record: 'all' },
  ): Promise<Login> {
    const { username, secret } = credentials;
    const trusted = this.limits.isTrusted(username, address);
    const asked = { ...credentials, address, trusted };
    const attempt = { account: username, secret, address };
    return this.decide(attempt, record, (backend) => backend.authenticate(asked));
  }

  /** The owner of an access token; no backend but that of tokens is asked. Only failures are recorded. @throws as `login` */
  async loginByToken(secret: string, address: string): Promise<Login> {
    const id = tokenIdIn(secret);
    if (id === undefined) throw new RegistryError('UNAUTHORIZED', 'that is no access token of this registry');
    const attempt = { account: `token ${id}`, secret, address };
    return this.decide(attempt, 'failures', (backend) => backend.authenticateToken?.(secret));
  }

  /** The principal of an earlier login, as it is now. */
  async recall(backendName: string, login: PastLogin): Promise<Login | undefined> {
    const backend = this.backends.find(({ name }) => name === backendName);
    const principal = await deciding(async () => backend?.recall?.(login));
    return backend === undefined || principal === undefined ? undefined : { principal, backend };
  }

  /**
   * By a certificate that was checked; undefined where nobody has that name.
   * @throws StorageError where it cannot be recorded
   */
  async certified(
    name: string,
    address: string,
    { record }: LoginRecord = { record: 'all' },
  ): Promise<Login | undefined> {
    for (const backend of this.backends) {
      const principal = await backend.certified?.(name);
      if (principal === undefined) continue;
      const login = { principal, backend };
      if (record === 'all') await this.recordSuccess(login, address);
      return login;
    }
    return undefined;
  }

  private async recordSuccess({ principal }: Login, address: string): Promise<void> {
    const { subject: by, token } = principal;
    const used = token === undefined ? {} : { token };
    await this.audit?.record({ action: 'login', outcome: 'ok', by, from: address, ...used });
  }

  private async decide(attempt: Attempt, record: LoginRecord['record'], ask: Ask): Promise<Login> {
    const login = await deciding(() => this.shared(attempt, ask));
    if (login === undefined) throw new RegistryError('UNAUTHORIZED', 'the username or the password is wrong');
    if (record === 'all') await this.recordSuccess(login, attempt.address);
    return login;
  }

  private shared(attempt: Attempt, ask: Ask): Promise<Login | undefined> {
    const { account, secret, address } = attempt;
    const key = hash('sha256', JSON.stringify([account, secret, address]));
    const running = this.running.get(key);
    if (running !== undefined) return running;
    const started = this.recordedAttempt(attempt, ask).finally(() => this.running.delete(key));
    this.running.set(key, started);
    return started;
  }

  /** A refusal is recorded once, however many wait for the attempt: each guess is one event and one failure. */
  private async recordedAttempt(attempt: Attempt, ask: Ask): Promise<Login | undefined> {
    const login = await this.attempt(attempt, ask);
    if (login === undefined) {
      const by = attempt.account.slice(0, MOST_NAME);
      await this.audit?.record({ action: 'login', outcome: 'denied', by, from: attempt.address });
    }
    return login;
  }

  private async attempt({ account, address }: Attempt, ask: Ask): Promise<Login | undefined> {
    const wait = await this.limits.begin(account, address);
    if (wait > 0) {
      const headers = { 'Retry-After': String(Math.ceil(wait / 1000)) };
      throw new RegistryError('TOOMANYREQUESTS', 'too many failed logins; try again later', { headers });
    }
    let outcome: Outcome = 'undecided';
    try {
      const login = await this.firstThatKnows(ask);
      outcome = login === undefined ? 'failed' : 'succeeded';
      return login;
    } catch (error) {
      if (error instanceof BackendOutage) outcome = 'outage';
      throw error;
    } finally {
      this.limits.end(account, address, outcome);
    }
  }

  private async firstThatKnows(ask: Ask): Promise<Login | undefined> {
    for (const backend of this.backends) {
      const principal = await ask(backend);
      if (principal !== undefined) return { principal, backend };
    }
    return undefined;
  }
}

interface Attempt {
  readonly account: string;
  readonly secret: string;
  readonly address: string;
}

/** How a backend is asked who it is. */
type Ask = (backend: AuthBackend) => Promise<Principal | undefined> | undefined;

async function deciding<T>(decide: () => Promise<T>): Promise<T> {
  try {
    return await decide();
  } catch (error) {
    if (!(error instanceof BackendOutage)) throw error;
    const headers = { 'Retry-After': '5' };
    // The message goes to the client; where the service is and how it failed is for the log alone.
    throw new RegistryError('UNAVAILABLE', error.message, { headers, cause: error.cause ?? error });
  }
}
