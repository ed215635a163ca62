import type { IncomingMessage } from 'node:http';
import { LoginAdminAccess } from '../auth/admin-access.js';
import type { AdminAccess } from '../auth/admin-access.js';
import { AccessTokens } from '../auth/access-tokens.js';
import { HtpasswdBackend } from '../auth/backends/htpasswd.js';
import type { KeystoneClient } from '../auth/backends/keystone-client.js';
import { KeystoneRights } from '../auth/backends/keystone-rights.js';
import { KeystoneBackend } from '../auth/backends/keystone.js';
import { LocalBackend } from '../auth/backends/local.js';
import { RememberedLogins } from '../auth/backends/remembered-logins.js';
import { BearerTokens } from '../auth/bearer-tokens.js';
import { ExternalIssuer } from '../auth/external-issuer.js';
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
import type { AuditTrail } from '../ports/audit.js';
import type { AuthBackend } from '../ports/auth.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Logger } from '../ports/logger.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { htpasswdFile, keystoneClient, readTrustedKeys } from './auth-files.js';

export interface AuthParts {
  /** Where another part of the process has it already: what is changed by one holds for both at once. */
  readonly store?: AuthStore;
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hasher: PasswordHasher;
  /** Told of what is wrong with a password file, and of users with too many projects. */
  readonly log?: Logger;
  /** Told of each login. */
  readonly audit?: AuditTrail;
}

/** What of logins and rights lies in the store; the command line works on the same. */
export interface AuthStore {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly grants: Grants;
  readonly generations: Generations;
  readonly keys: SigningKeys;
}

export function createAuthStore({
  driver,
  clock,
  ids,
}: Pick<AuthParts, 'driver' | 'clock' | 'ids'>): AuthStore {
  const generations = new Generations(driver, ids, clock);
  return {
    principals: new Principals(driver),
    tokens: new AccessTokens(driver, clock, ids, generations),
    grants: new Grants(driver, clock),
    generations,
    keys: new SigningKeys(driver, clock),
  };
}

/**
 * `auth.mode: token`: logins at /token, and the access that its tokens give. `close` cuts what is asked of Keystone.
 * @throws StartError for files of the configuration that cannot be used
 */
export function createAuth(
  parts: AuthParts,
  rules: Config['auth'],
  origin: ClientOrigin,
): {
  readonly access: AccessController;
  readonly adminAccess: AdminAccess;
  readonly routes: TokenRouteParts;
  readonly close: () => Promise<void>;
} {
  const { clock, ids, hasher } = parts;
  const { principals, tokens, grants, generations, keys } = parts.store ?? createAuthStore(parts);
  const { service } = rules;
  const issuer = service;
  const policy = new GrantPolicy(grants, rules.anonymousPull);
  const passwords = new PasswordChecks(hasher, clock, ids);
  const keystone = keystoneClient(rules.keystone);
  const backends = createBackends({ ...parts, principals, tokens, passwords, keystone }, rules);
  const logins = new Logins(backends, new LoginLimits(clock, rules.logins), parts.audit);
  const bearers = new BearerTokens(
    { keys, generations, clock, ids },
    { issuer, service, seconds: Math.floor(rules.tokenMaxAge / 1000) },
  );
  const refreshTokens = new RefreshTokens(
    { keys, logins, clock },
    { issuer, service, seconds: Math.floor(rules.refreshMaxAge / 1000) },
  );
  const { realm } = rules.external;
  const realmOf = (request: IncomingMessage): string => realm ?? `${origin.urlOf(request)}/token`;
  const external = externalIssuer(rules, clock);
  return {
    access: new TokenAccess({ tokens: bearers, external, generations, policy, clock, realmOf, service }),
    adminAccess: new LoginAdminAccess({ logins, policy }),
    routes: {
      tokens: new TokenService({ logins, tokens: bearers, refreshTokens, policy }, service),
      keys,
      origin,
    },
    close: async () => keystone?.close(),
  };
}

function externalIssuer({ service, external }: Config['auth'], clock: Clock): ExternalIssuer | undefined {
  const { issuer, keys: path, audience = service } = external;
  const keys = readTrustedKeys(path);
  return keys && issuer !== undefined ? new ExternalIssuer(keys, { issuer, audience }, clock) : undefined;
}

interface BackendParts extends AuthParts {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly passwords: PasswordChecks;
  readonly keystone: KeystoneClient | undefined;
}

/** In the order in which they are asked; what an earlier one knows by name no later one is asked for. */
function createBackends(parts: BackendParts, rules: Config['auth']): AuthBackend[] {
  const { principals, tokens, passwords, clock, ids, log } = parts;
  const { personalNamespaces } = rules;
  const warn = (message: string): void => log?.warn({}, message);
  const isStored = async (name: string): Promise<boolean> => (await principals.find(name)) !== undefined;
  const backends: AuthBackend[] = [new LocalBackend({ principals, tokens, passwords, personalNamespaces })];
  const file = htpasswdFile(rules.htpasswd.file, clock, warn);
  const htpasswd = file && new HtpasswdBackend({ file, passwords, taken: isStored, personalNamespaces });
  if (htpasswd !== undefined) backends.push(htpasswd);
  if (parts.keystone !== undefined) {
    const taken = async (name: string): Promise<boolean> =>
      (await isStored(name)) || (await htpasswd?.has(name)) === true;
    const rights = new KeystoneRights(rules.keystone);
    const logins = new RememberedLogins(clock, ids);
    const keystone = { client: parts.keystone, logins, rights, taken, warn };
    backends.push(new KeystoneBackend(keystone, rules.keystone));
  }
  return backends;
}
