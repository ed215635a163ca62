import type { RequestHandler } from 'express';
import type { AdminAccess } from '../../../src/auth/admin-access.js';
import { createAuth } from '../../../src/composition/auth.js';
import type { AuthParts } from '../../../src/composition/auth.js';
import type { Config } from '../../../src/config/index.js';
import { createClientOrigin } from '../../../src/http/client-origin.js';
import { tokenRoutes } from '../../../src/http/token/token-routes.js';
import type { AccessController } from '../../../src/ports/access.js';
import type { PasswordHasher } from '../../../src/ports/password-hasher.js';
import { load } from '../../config/load.js';

export type AuthRules = Config['auth'];

/** How a node lets callers in by tokens. */
export interface LoginOptions {
  /** Beside the defaults. */
  readonly rules?: Partial<AuthRules>;
  readonly hasher?: PasswordHasher;
  readonly origin?: Partial<Parameters<typeof createClientOrigin>[0]>;
}

export function tokenRules(rules: Partial<AuthRules> = {}): AuthRules {
  return { ...load({ env: { STACKYARD_AUTH_MODE: 'token' } }).auth, ...rules };
}

/** What a node needs to let callers in. */
export function authOf(
  { rules, hasher = quickHasher(), origin }: LoginOptions,
  parts: Omit<AuthParts, 'hasher'>,
): {
  readonly access: AccessController;
  readonly adminAccess: AdminAccess;
  readonly app: { readonly tokens: RequestHandler };
} {
  const { access, adminAccess, routes } = createAuth(
    { ...parts, hasher },
    tokenRules(rules),
    createClientOrigin({ trustedProxies: [], ...origin }),
  );
  return { access, adminAccess, app: { tokens: tokenRoutes(routes) } };
}

export interface QuickHasher extends PasswordHasher {
  /** Comparisons so far. */
  comparisons: number;
}

/** Costs nothing; a password's hash only names it. */
export function quickHasher(): QuickHasher {
  return {
    comparisons: 0,
    hash: async (password) => `quick:${password}`,
    async matches(password, hash) {
      this.comparisons += 1;
      return hash === `quick:${password}`;
    },
  };
}
