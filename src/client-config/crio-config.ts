import { HEAD, PUBLIC, type ClientFile, type ExistingFiles } from './client-file.js';
import { loginFile } from './login-file.js';
import type { Setup } from './setup.js';

/** The login of all pulls of CRI-O, whoever's pods they are for. */
export const CRIO_LOGIN = '/etc/crio/stackyard-auth.json';
export const CRIO_CONFIG = '/etc/crio/crio.conf.d/50-stackyard.conf';

/** CRI-O's file of logins and the drop-in that names it, where the setup has a login. @throws ClientConfigError */
export function crioLogin(setup: Setup, existing: ExistingFiles): readonly ClientFile[] {
  const logins = loginFile(CRIO_LOGIN, setup, existing);
  if (logins.length === 0) return [];
  const content = `${HEAD}[crio.image]\nglobal_auth_file = "${CRIO_LOGIN}"\n`;
  return [...logins, { path: CRIO_CONFIG, mode: PUBLIC, content }];
}
