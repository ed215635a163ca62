import { parseScopes } from '../domain/scope.js';
import type { Scope } from '../domain/scope.js';
import { RegistryError } from '../errors/registry-error.js';
import type { AccessPolicy, Credentials, Principal } from '../ports/auth.js';
import type { BearerTokens } from './bearer-tokens.js';
import type { Login, LoginRecord, Logins } from './logins.js';
import type { RefreshTokens } from './refresh-tokens.js';

export interface TokenRequest {
  /** Without credentials, refresh token and certificate the caller is anonymous. */
  readonly credentials?: Credentials | undefined;
  readonly refreshToken?: string | undefined;
  /** The name of the client's certificate, which was checked: a login where there is no other. */
  readonly certificate?: string | undefined;
  /** Each one scope or several with spaces between; the first 50 count, the others are ignored. */
  readonly scopes: readonly string[];
  readonly service?: string | undefined;
  /** Whether a refresh token is asked for. */
  readonly offline: boolean;
  /** Of the client. */
  readonly address: string;
}

export interface TokenGrant {
  readonly token: string;
  readonly refreshToken?: string;
  /** Seconds. */
  readonly expiresIn: number;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly scopes: readonly Scope[];
}

/** No scope that names a repository is longer. */
const SCOPE_LENGTH = 1000;
/** Each costs a look at the rights. */
const MOST_SCOPES = 50;
/** One more for whoever logs in on a node for the first time. */
const MOST_PASSES = 5;

/** Gives bearer tokens for what of the wish is granted, be it nothing (distribution's token specification). */
export class TokenService {
  constructor(
    private readonly parts: {
      readonly logins: Logins;
      readonly tokens: BearerTokens;
      readonly refreshTokens: RefreshTokens;
      readonly policy: AccessPolicy;
    },
    private readonly service: string,
  ) {}

  /**
   * A right that is taken away while it is looked up must not come out signed with the generation that ended it: what
   * was looked up before its generation was known is looked up again.
   * @throws RegistryError UNAUTHORIZED, TOOMANYREQUESTS, UNAVAILABLE; DENIED for another service
   */
  async grant(request: TokenRequest): Promise<TokenGrant> {
    if (request.service !== undefined && request.service !== this.service) {
      throw new RegistryError('DENIED', `tokens are given for the service ${this.service} only`, {
        status: 400,
      });
    }
    for (let pass = 0; pass < MOST_PASSES; pass += 1) {
      const mark = this.parts.tokens.mark();
      const login = await this.loginOf(request, { record: pass === 0 ? 'all' : 'failures' });
      const grant = await this.grantTo(login, request);
      if (login === undefined || this.parts.tokens.wereCurrent(login.principal, mark)) return grant;
    }
    const headers = { 'Retry-After': '1' };
    throw new RegistryError('UNAVAILABLE', 'rights are being changed; try again', { headers });
  }

  private async grantTo(login: Login | undefined, request: TokenRequest): Promise<TokenGrant> {
    const scopes = await this.grantedTo(login?.principal, parseScopes(countingOf(request.scopes)));
    const { token, expiresIn, issuedAt } = await this.parts.tokens.issue(login?.principal, scopes);
    const refreshToken = request.refreshToken ?? (await this.refreshTokenFor(request, login));
    return { token, expiresIn, issuedAt, scopes, ...(refreshToken !== undefined && { refreshToken }) };
  }

  private async loginOf(
    { credentials, refreshToken, certificate, address }: TokenRequest,
    record: LoginRecord,
  ): Promise<Login | undefined> {
    if (refreshToken !== undefined) {
      const login = await this.parts.refreshTokens.redeem(refreshToken);
      if (login === undefined)
        throw new RegistryError('UNAUTHORIZED', 'the refresh token is over; log in again');
      return login;
    }
    if (credentials !== undefined) return this.parts.logins.login(credentials, address, record);
    return certificate === undefined ? undefined : this.parts.logins.certified(certificate, address, record);
  }

  private async grantedTo(principal: Principal | undefined, scopes: readonly Scope[]): Promise<Scope[]> {
    const granted = await Promise.all(
      scopes.map(async (scope) => ({
        ...scope,
        actions: await this.parts.policy.granted(principal, scope),
      })),
    );
    return granted.filter(({ actions }) => actions.length > 0) as Scope[];
  }

  private async refreshTokenFor(
    { offline, credentials }: TokenRequest,
    login: Login | undefined,
  ): Promise<string | undefined> {
    // A certificate is shown anew each time.
    const isLasting = offline && credentials !== undefined && login !== undefined;
    return isLasting ? this.parts.refreshTokens.issue(login) : undefined;
  }
}

/** At most 50, none of them long; the rest is ignored. */
function countingOf(scopes: readonly string[]): readonly string[] {
  return scopes
    .flatMap((text) => text.split(' '))
    .filter(({ length }) => length > 0 && length <= SCOPE_LENGTH)
    .slice(0, MOST_SCOPES);
}
