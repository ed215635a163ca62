import { rename, rm, writeFile } from 'node:fs/promises';
import { PASSWORD_RULE, isPassword } from '../admin/password-rule.js';
import type { PrincipalRecord } from '../auth/principals.js';
import { readIfThere } from '../auth/stored-record.js';
import { FIRST_ADMIN_KEY } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Logger } from '../ports/logger.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { AuthStore } from './auth.js';
import { StartError } from './listen.js';

export interface FirstAdminParts {
  readonly driver: StorageDriver;
  readonly principals: AuthStore['principals'];
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  /** Shows text to whoever started the server; absent where nobody watches. */
  readonly terminal?: ((text: string) => void) | undefined;
}

const NAME = 'admin';
const PASSWORD_BYTES = 15;
const SECRET_FILE = { mode: 0o600, flag: 'wx' };

/**
 * Makes the user `admin` in a store that never had one. A password that is made here is shown on a terminal or written to a
 * file that only this user may read, and never logged; of several nodes that start at once only the one tells whose
 * password the store shows afterwards.
 * @throws StartError for a given password that is none
 */
export async function ensureFirstAdmin(
  { driver, principals, hasher, clock, ids, log, terminal }: FirstAdminParts,
  { adminPassword, adminPasswordFile }: { adminPassword?: string | undefined; adminPasswordFile: string },
): Promise<void> {
  if ((await readIfThere(driver, FIRST_ADMIN_KEY)) !== undefined) return;
  requirePassword(adminPassword);
  const password = adminPassword ?? ids.secret(PASSWORD_BYTES).toString('base64url');
  const isTold = adminPassword !== undefined || terminal !== undefined;
  // Under a name of its own until it is known to be the one: another start may use the same file.
  const draft = `${adminPasswordFile}.${ids.unique()}`;
  if (!isTold) await writable(adminPasswordFile, () => writeFile(draft, `${password}\n`, SECRET_FILE));
  const record: PrincipalRecord = {
    kind: 'user',
    admin: true,
    createdAt: new Date(clock.now()).toISOString(),
    password: await hasher.hash(password),
  };
  const isOurs = await create().catch(async (error: unknown) => {
    if (!isTold) await rm(draft);
    throw error;
  });
  await driver.put(FIRST_ADMIN_KEY, new Uint8Array());
  if (!isOurs) {
    if (!isTold) await rm(draft);
    return;
  }
  if (!isTold) await writable(adminPasswordFile, () => rename(draft, adminPasswordFile));
  if (adminPassword !== undefined) log.info({ user: NAME }, 'made the first user, with the given password');
  else if (terminal !== undefined)
    terminal(`Log in as ${NAME} with the password ${password} (shown only once)\n`);
  else log.info({ user: NAME, file: adminPasswordFile }, 'made the first user; its password is in the file');

  async function create(): Promise<boolean> {
    try {
      await principals.create(NAME, record);
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      return false;
    }
    await principals.enable(NAME); // an earlier user of the name may have been removed
    return (await principals.read(NAME))?.password === record.password;
  }
}

function requirePassword(given: string | undefined): void {
  if (given === undefined || isPassword(given)) return;
  throw new StartError(
    `STACKYARD_ADMIN_PASSWORD (auth.adminPassword) cannot be used: ${PASSWORD_RULE}; give such a one, or none to have one made`,
  );
}

async function writable(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `cannot write the first password to ${file} (${code}): make that possible (auth.adminPasswordFile) or set STACKYARD_ADMIN_PASSWORD`,
      { cause: error },
    );
  }
}
