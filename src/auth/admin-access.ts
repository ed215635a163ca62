import type { RepositoryName } from '../domain/repository-name.js';
import type { Action } from '../domain/scope.js';
import { RegistryError } from '../errors/registry-error.js';
import { allowedEverything } from '../ports/admin-caller.js';
import type { AdminCaller } from '../ports/admin-caller.js';
import type { Principal } from '../ports/auth.js';
import type { AccessTokens } from './access-tokens.js';
import { credentialsOf } from './basic.js';
import type { Logins } from './logins.js';
import type { GrantPolicy } from './policy.js';

/** What a request brings with it. */
export interface Proof {
  /** The header. */
  readonly authorization?: string | undefined;
  /** The name of the client's certificate, which was checked. */
  readonly certificate?: string | undefined;
  /** Of the client. */
  readonly address: string;
}

export interface AdminAccess {
  /** Who sent a request; undefined for anonymous. @throws RegistryError UNAUTHORIZED, TOOMANYREQUESTS, UNAVAILABLE */
  identify(proof: Proof): Promise<AdminCaller | undefined>;
}

/** `auth.mode: none`. */
export const openAdminAccess: AdminAccess = {
  identify: async ({ address }) => allowedEverything({ by: '', from: address }),
};

const BEARER = /^bearer +([^ ]+)$/i;
/** In whose name the secret of no token is tried. */
const NOBODY = '-';
/** What is done is recorded by itself. */
const FAILURES = { record: 'failures' } as const;

/**
 * Logins of the admin API: a user or robot by password or access token (RFC 7617), an access token by itself
 * (RFC 6750), or a client certificate.
 */
export class LoginAdminAccess implements AdminAccess {
  constructor(
    private readonly parts: {
      readonly logins: Logins;
      readonly tokens: AccessTokens;
      readonly policy: GrantPolicy;
    },
  ) {}

  async identify({ authorization, certificate, address }: Proof): Promise<AdminCaller | undefined> {
    const principal = await this.principalOf({ authorization, certificate, address });
    return principal && new PrincipalCaller(principal, address, this.parts.policy);
  }

  private async principalOf({ authorization, certificate, address }: Proof): Promise<Principal | undefined> {
    if (authorization === undefined) {
      if (certificate === undefined) return undefined;
      return (await this.parts.logins.certified(certificate, address, FAILURES))?.principal;
    }
    const [, secret] = BEARER.exec(authorization) ?? [];
    const credentials = secret === undefined ? credentialsOf(authorization) : await this.ofToken(secret);
    return (await this.parts.logins.login(credentials, address, FAILURES)).principal;
  }

  private async ofToken(secret: string): Promise<{ username: string; secret: string }> {
    const found = await this.parts.tokens.find(secret);
    return { username: found?.record.owner ?? NOBODY, secret };
  }
}

class PrincipalCaller implements AdminCaller {
  readonly by: string;
  readonly token?: string;
  readonly isAdmin: boolean;

  constructor(
    private readonly principal: Principal,
    readonly from: string,
    private readonly policy: GrantPolicy,
  ) {
    this.by = principal.subject;
    if (principal.token !== undefined) this.token = principal.token;
    this.isAdmin = principal.isAdmin === true && principal.limits === undefined;
  }

  async may(action: Action, name: RepositoryName): Promise<boolean> {
    const scope = { type: 'repository', name, actions: [action] } as const;
    return (await this.policy.granted(this.principal, scope)).length > 0;
  }

  pullable(): Promise<(name: RepositoryName) => boolean> {
    return this.policy.pullable(this.principal);
  }
}

/** @throws RegistryError UNAUTHORIZED */
export function loginRequired(): RegistryError {
  return new RegistryError(
    'UNAUTHORIZED',
    'log in with a user and password, or with the secret of an access token as a bearer token',
  );
}
