import { isIP } from 'node:net';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Action } from '../domain/scope.js';
import { RegistryError } from '../errors/registry-error.js';
import { allowedEverything } from '../ports/admin-caller.js';
import type { AdminCaller } from '../ports/admin-caller.js';
import type { Principal } from '../ports/auth.js';
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
  /** By which the client calls this server. */
  readonly url: string;
}

export interface AdminAccess {
  /** Who sent a request; undefined for anonymous. @throws RegistryError UNAUTHORIZED, TOOMANYREQUESTS, UNAVAILABLE */
  identify(proof: Proof): Promise<AdminCaller | undefined>;
}

/**
 * `auth.mode: none`: everybody is an admin, but no page of a browser whose host name was made to lead here (DNS
 * rebinding): a name counts only where `server.publicUrl` tells it.
 */
export function openAdminAccess(publicUrl: string | undefined): AdminAccess {
  return {
    identify: async ({ address, url }) => {
      const { hostname } = new URL(url);
      if (publicUrl === undefined && !isOwnName(hostname)) {
        throw new RegistryError(
          'DENIED',
          `with auth.mode none the admin API is called by address or as localhost, not as ${hostname}; set server.publicUrl to permit that name`,
        );
      }
      return allowedEverything({ by: '', from: address });
    },
  };
}

function isOwnName(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

const BEARER = /^bearer +([^ ]+)$/i;
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
      readonly policy: GrantPolicy;
    },
  ) {}

  async identify({ authorization, certificate, address }: Proof): Promise<AdminCaller | undefined> {
    const principal = await this.principalOf({ authorization, certificate, address });
    return principal && new PrincipalCaller(principal, address, this.parts.policy);
  }

  private async principalOf({
    authorization,
    certificate,
    address,
  }: Omit<Proof, 'url'>): Promise<Principal | undefined> {
    if (authorization === undefined) {
      if (certificate === undefined) return undefined;
      return (await this.parts.logins.certified(certificate, address, FAILURES))?.principal;
    }
    const [, secret] = BEARER.exec(authorization) ?? [];
    const { logins } = this.parts;
    return secret === undefined
      ? (await logins.login(credentialsOf(authorization), address, FAILURES)).principal
      : (await logins.loginByToken(secret, address)).principal;
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
