import type { IncomingMessage } from 'node:http';
import { AccessTokens } from '../auth/access-tokens.js';
import { LocalBackend } from '../auth/backends/local.js';
import { BearerTokens } from '../auth/bearer-tokens.js';
import { Generations } from '../auth/generations.js';
import { Grants } from '../auth/grants.js';
import { LoginLimits } from '../auth/login-limits.js';
import { Logins } from '../auth/logins.js';
import { PasswordChecks } from '../auth/password-checks.js';
import { GrantPolicy } from '../auth/policy.js';
import { Principals } from '../auth/principals.js';
import { RefreshTokens } from '../auth/refresh-tokens.js';
import { SigningKeys } from '../auth/signing-keys.js';
import { TokenAccess } from '../auth/token-access.js';
import { TokenService } from '../auth/token-service.js';
import type { Config } from '../config/index.js';
import type { ClientOrigin } from '../http/client-origin.js';
import type { TokenRouteParts } from '../http/token/token-routes.js';
import type { AccessController } from '../ports/access.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import type { StorageDriver } from '../ports/storage-driver.js';

export interface AuthParts {
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hasher: PasswordHasher;
}

/** What of logins and rights lies in the store; the command line works on the same. */
export interface AuthStore {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly grants: Grants;
  readonly generations: Generations;
  readonly keys: SigningKeys;
}

export function createAuthStore({ driver, clock, ids }: Omit<AuthParts, 'hasher'>): AuthStore {
  return {
    principals: new Principals(driver, clock),
    tokens: new AccessTokens(driver, clock, ids),
    grants: new Grants(driver, clock),
    generations: new Generations(driver, ids, clock),
    keys: new SigningKeys(driver, clock),
  };
}

/** `auth.mode: token`: logins at /token, and the access that its tokens give. */
export function createAuth(
  parts: AuthParts,
  rules: Config['auth'],
  origin: ClientOrigin,
): { readonly access: AccessController; readonly routes: TokenRouteParts } {
  const { clock, ids, hasher } = parts;
  const { principals, tokens, grants, generations, keys } = createAuthStore(parts);
  const { service, personalNamespaces } = rules;
  const issuer = service;
  const policy = new GrantPolicy(grants, rules.anonymousPull);
  const passwords = new PasswordChecks(hasher, clock, ids);
  const backends = [new LocalBackend({ principals, tokens, passwords, personalNamespaces })];
  const logins = new Logins(backends, new LoginLimits(clock, rules.logins));
  const bearers = new BearerTokens(
    { keys, generations, clock, ids },
    { issuer, service, seconds: Math.floor(rules.tokenMaxAge / 1000) },
  );
  const refreshTokens = new RefreshTokens(
    { keys, generations, logins, clock },
    { issuer, service, seconds: Math.floor(rules.refreshMaxAge / 1000) },
  );
  const realmOf = (request: IncomingMessage): string => `${origin.urlOf(request)}/token`;
  return {
    access: new TokenAccess({ tokens: bearers, generations, policy, clock, realmOf, service }),
    routes: {
      tokens: new TokenService({ logins, tokens: bearers, refreshTokens, policy }, service),
      keys,
      origin,
    },
  };
}
