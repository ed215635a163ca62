import { readFile, stat } from 'node:fs/promises';
import { Accounts } from '../admin/accounts.js';
import { explainAccess } from '../admin/explanation.js';
import type { Explanation, Question } from '../admin/explanation.js';
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
import { createAuthStore } from './auth.js';
import type { AuthParts } from './auth.js';
import { BcryptThread } from './bcrypt-thread.js';
import { StartError } from './listen.js';
import { openConfiguredStore } from './store.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';

/** What administrators do with the logins and rights of a store, beside a server or without one. */
export interface AdminTools {
  readonly accounts: Accounts;
  readonly tokens: OwnedTokens;
  readonly permissions: Permissions;
  readonly keys: KeyRing;
  explain(question: Question): Promise<Explanation>;
  close(): Promise<void>;
}

/** What root writes for itself alone a server of another user could not read. @throws StartError */
async function requireOwner({ storage }: Config): Promise<void> {
  if (storage.driver !== 'filesystem' || process.geteuid?.() !== 0) return;
  const { root } = storage.filesystem;
  const uid = await stat(root).then(
    (found) => found.uid,
    () => 0,
  );
  if (uid !== 0)
    throw new StartError(
      `${root} belongs to user ${uid}: run this as that user, such as by sudo -u '#${uid}'`,
    );
}

/** @throws StartError */
export async function openAdmin(config: Config): Promise<AdminTools> {
  if (config.storage.driver === 'memory') {
    throw new StartError("a memory store is its server's alone: set storage.driver to filesystem or swift");
  }
  await requireOwner(config);
  const { driver } = await openConfiguredStore(config, createTelemetry());
  const hasher = new BcryptThread();
  const tools = createAdminTools({ driver, clock: systemClock, ids: systemIds, hasher }, config.auth);
  return {
    ...tools,
    close: async () => {
      await hasher.close();
      await driver.close();
    },
  };
}

export function createAdminTools(parts: AuthParts, rules: Config['auth']): Omit<AdminTools, 'close'> {
  const { clock, ids, hasher } = parts;
  const { principals, tokens, grants, generations, keys } = createAuthStore(parts);
  const { personalNamespaces, refreshMaxAge, tokenMaxAge, anonymousPull } = rules;
  const owned = new OwnedTokens({ principals, tokens, clock });
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
      isFileUser,
    }),
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
