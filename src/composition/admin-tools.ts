import { readFile } from 'node:fs/promises';
import { AccountDirectory } from '../admin/account-directory.js';
import { Accounts } from '../admin/accounts.js';
import { explainAccess } from '../admin/explanation.js';
import type { AdminServices } from '../admin/admin-services.js';
import { KeyRing } from '../admin/key-ring.js';
import { OwnedTokens } from '../admin/owned-tokens.js';
import { Permissions } from '../admin/permissions.js';
import { parseHtpasswd } from '../auth/backends/htpasswd-content.js';
import { LocalBackend } from '../auth/backends/local.js';
import { PasswordChecks } from '../auth/password-checks.js';
import { personalGrants } from '../auth/personal-namespace.js';
import { GrantPolicy } from '../auth/policy.js';
import { GRACE_SECONDS } from '../auth/token-access.js';
import type { Config } from '../config/index.js';
import type { Principal } from '../ports/auth.js';
import type { Locker } from '../ports/locker.js';
import { createAuthStore } from './auth.js';
import type { AuthParts } from './auth.js';
import { StartError } from './listen.js';

export interface AdminToolParts extends Omit<AuthParts, 'audit'> {
  readonly locker: Locker;
}

/** What administrators do with the logins and rights of a store, in a server or beside one. */
export type AdminTools = Pick<
  AdminServices,
  'accounts' | 'directory' | 'tokens' | 'permissions' | 'keys' | 'explain'
>;

export function createAdminTools(parts: AdminToolParts, rules: Config['auth']): AdminTools {
  const { clock, ids, hasher, locker } = parts;
  const { principals, tokens, grants, generations, keys } = parts.store ?? createAuthStore(parts);
  const { personalNamespaces, refreshMaxAge, tokenMaxAge, anonymousPull } = rules;
  const owned = new OwnedTokens({ principals, tokens, clock, locker });
  const passwords = new PasswordChecks(hasher, clock, ids);
  const backend = new LocalBackend({ principals, tokens, passwords, personalNamespaces });
  const policy = new GrantPolicy(grants, anonymousPull);
  const longest = Math.max(refreshMaxAge, tokenMaxAge + GRACE_SECONDS * 1000);
  const isFileUser = (name: string): Promise<boolean> => isInFile(rules.htpasswd.file, name);
  const fileUser = async (name: string): Promise<Principal | undefined> =>
    (await isFileUser(name))
      ? {
          subject: name,
          grantees: [{ kind: 'user', name }],
          implied: personalGrants(personalNamespaces, name),
        }
      : undefined;
  return {
    accounts: new Accounts({
      principals,
      tokens: owned,
      grants,
      generations,
      hasher,
      clock,
      ids,
      locker,
      isFileUser,
    }),
    directory: new AccountDirectory(principals),
    tokens: owned,
    permissions: new Permissions({ principals, grants, generations }),
    keys: new KeyRing(keys, clock, longest),
    explain: (question) => explainAccess({ principals, backend, fileUser, policy }, question),
  };
}

/** @throws StartError for a file that cannot be read */
async function isInFile(path: string | undefined, name: string): Promise<boolean> {
  if (path === undefined) return false;
  try {
    return parseHtpasswd(await readFile(path, 'utf8')).hashes.has(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`auth.htpasswd.file: ${path} cannot be read (${code}); give a readable file`, {
      cause: error,
    });
  }
}
