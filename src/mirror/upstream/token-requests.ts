import type { IncomingHttpHeaders } from 'node:http';
import type { RepositoryName } from '../../domain/repository-name.js';
import { readBounded } from './bounded-body.js';
import { isRedirect } from './redirects.js';
import type { UpstreamConnections } from './upstream-connections.js';
import { basicAuthorization, credentialsFor } from './upstream-credentials.js';
import { failureOf, shownHost } from './upstream-failures.js';
import type { Upstream } from './upstream.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamErrorScope } from './upstream-error.js';

const MAX_ANSWER = 1024 * 1024;
const CLIENT_ID = 'stackyard';
/** Seconds, where the answer does not tell (distribution-spec's token authentication). */
const DEFAULT_LIFETIME = 60;
const LONGEST_LIFETIME = 24 * 60 * 60;
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
/** Of services that know the OAuth2 POST alone. */
const NO_GET: ReadonlySet<number> = new Set([404, 405]);

/** Where an upstream's tokens come from; the realm is bound to the upstream. */
export interface TokenService {
  readonly realm: URL;
  readonly service: string | undefined;
}

export interface TakenToken {
  readonly token: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

interface TokenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
}

/** Asks the token services of one upstream. Their redirects are not followed, and their words not quoted. */
export class TokenRequests {
  constructor(
    private readonly upstream: Upstream,
    private readonly connections: UpstreamConnections,
    private readonly times: { readonly now: () => number; /** Milliseconds. */ readonly timeout: number },
  ) {}

  /** A token to pull from one repository, whatever more a challenge asked for. @throws UpstreamError */
  async take(service: TokenService, repository: RepositoryName): Promise<TakenToken> {
    const what = `asking for a token for ${repository} of ${this.upstream.name} (${shownHost(service.realm)})`;
    const { status, headers, body } = await this.ask(service, repository, what);
    if (isRedirect(status)) {
      throw new UpstreamError('refused', `${what} was answered with a redirect, which is not followed`);
    }
    // RFC 6749 §5.2: so a POST refuses a login.
    if (status === 400) {
      throw new UpstreamError(
        'denied',
        `${what} was answered with 400; check the login of the upstream for it`,
      );
    }
    if (status === 404) {
      throw new UpstreamError('denied', `${what} was answered with 404: none is given there for it`);
    }
    if (status !== 200) throw failureOf(what, { status, headers }, this.times.now());
    return tokenIn(body, what);
  }

  private async ask(service: TokenService, repository: RepositoryName, what: string): Promise<TokenAnswer> {
    const login = credentialsFor(this.upstream, repository);
    const fields = {
      ...(service.service !== undefined && { service: service.service }),
      scope: `repository:${repository}:pull`,
    };
    if (login?.kind === 'identity') {
      return this.post(service, what, {
        grant_type: 'refresh_token',
        refresh_token: login.token,
        client_id: CLIENT_ID,
        ...fields,
      });
    }
    const got = await this.get(service, what, fields, login && basicAuthorization(login));
    if (login === undefined || !NO_GET.has(got.status)) return got;
    const { username, password } = login;
    return this.post(service, what, {
      grant_type: 'password',
      username,
      password,
      client_id: CLIENT_ID,
      ...fields,
    });
  }

  private async get(
    { realm }: TokenService,
    what: string,
    fields: Readonly<Record<string, string>>,
    authorization: string | undefined,
  ): Promise<TokenAnswer> {
    const url = new URL(realm);
    for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
    return this.send({
      method: 'GET',
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      headers: authorization === undefined ? {} : { authorization },
      what,
      about: this.scopeOf(url),
    });
  }

  private async post(
    { realm }: TokenService,
    what: string,
    form: Readonly<Record<string, string>>,
  ): Promise<TokenAnswer> {
    return this.send({
      method: 'POST',
      origin: realm.origin,
      path: `${realm.pathname}${realm.search}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      what,
      about: this.scopeOf(realm),
    });
  }

  /** Of a failed connection: another repository's tokens may come from another host. */
  private scopeOf(realm: URL): UpstreamErrorScope {
    return realm.origin === this.upstream.url.origin ? 'upstream' : 'repository';
  }

  private async send(hop: Parameters<UpstreamConnections['send']>[0]): Promise<TokenAnswer> {
    const { status, headers, body, release } = await this.connections.send(hop);
    try {
      const bounds = { limit: MAX_ANSWER, timeout: this.times.timeout };
      return { status, headers, body: await readBounded(body, bounds) };
    } finally {
      release();
    }
  }
}

function tokenIn(body: Buffer | undefined, what: string): TakenToken {
  if (body === undefined) {
    throw new UpstreamError(
      'unavailable',
      `${what} was answered with more than ${MAX_ANSWER} bytes or not whole`,
      { about: 'repository' },
    );
  }
  const answer = parsed(body);
  const token = answer['token'] ?? answer['access_token'];
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    throw new UpstreamError('unavailable', `${what} was answered without one`, { about: 'repository' });
  }
  const seconds = answer['expires_in'];
  const isLifetime = typeof seconds === 'number' && seconds > 0;
  return { token, lifetime: 1000 * Math.min(isLifetime ? seconds : DEFAULT_LIFETIME, LONGEST_LIFETIME) };
}

/** Nothing where it is no JSON object. */
function parsed(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
