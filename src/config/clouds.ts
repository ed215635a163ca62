import { dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { aliasedValue } from './aliased-value.js';
import { variableText, type Environment } from './environment.js';
import type { Setting, Source } from './settings.js';

export interface CloudsOptions {
  readonly env: Environment;
  readonly cwd: string;
  /** The text of a file; throws as node:fs does, with `code`. */
  readonly readFile: (path: string) => string;
}

/** Where a key of `clouds.yaml` goes, below `storage.swift`; of two the later counts. */
const KEYS: Readonly<Record<string, string>> = {
  auth_type: 'authType',
  region_name: 'region',
  endpoint_type: 'interface',
  interface: 'interface',
  cacert: 'caFile',
  object_store_endpoint_override: 'storageUrl',
  'auth.auth_url': 'authUrl',
  'auth.username': 'username',
  'auth.user_id': 'userId',
  'auth.password': 'password',
  'auth.user_domain_name': 'userDomainName',
  'auth.user_domain_id': 'userDomainId',
  'auth.tenant_name': 'projectName',
  'auth.project_name': 'projectName',
  'auth.tenant_id': 'projectId',
  'auth.project_id': 'projectId',
  'auth.project_domain_name': 'projectDomainName',
  'auth.project_domain_id': 'projectDomainId',
  'auth.application_credential_id': 'applicationCredentialId',
  'auth.application_credential_name': 'applicationCredentialName',
  'auth.application_credential_secret': 'applicationCredentialSecret',
  'auth.trust_id': 'trustId',
  'auth.token': 'token',
};

/**
 * The keys of `storage.swift` that a cloud of OpenStack's own configuration gives: `clouds.yaml` of the variable
 * OS_CLIENT_CONFIG_FILE, else of the working directory, ~/.config/openstack or /etc/openstack, with what
 * `secure.yaml` adds. Keys that are of no use here are passed over.
 */
export function readCloud({ value, where }: Setting, options: CloudsOptions): Source {
  try {
    const settings = cloudSettings(String(value), options);
    return { settings, problems: [], readable: true };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const problem = `storage.swift.cloud (${where}): ${error.message}`;
    return { settings: new Map(), problems: [problem], readable: false };
  }
}

class CloudError extends Error {}

function cloudSettings(cloud: string, options: CloudsOptions): Map<string, Setting> {
  const { env, cwd } = options;
  const home = variableText(env, 'HOME');
  const folders = [cwd, ...(home === undefined ? [] : [join(home, '.config/openstack')]), '/etc/openstack'];
  const named = variableText(env, 'OS_CLIENT_CONFIG_FILE');
  const places =
    named === undefined ? folders.map((folder) => join(folder, 'clouds.yaml')) : [resolve(cwd, named)];
  const file = firstFile(places, options);
  if (file === undefined) {
    throw new CloudError(`there is no clouds.yaml (${places.join(', ')}); write one or remove this key`);
  }
  const secureFile = variableText(env, 'OS_CLIENT_SECURE_FILE');
  const securePlaces =
    secureFile === undefined
      ? [dirname(file.path), ...folders].map((folder) => join(folder, 'secure.yaml'))
      : [resolve(cwd, secureFile)];
  const secure = firstFile(securePlaces, options);
  const found = { ...cloudIn(file, cloud, true), ...(secure && cloudIn(secure, cloud, false)) };
  if (found.verify === false) {
    throw new CloudError(
      `the cloud ${cloud} of ${file.path} has verify: false, but certificates are always verified; ` +
        "remove that and set cacert to the authority's certificate",
    );
  }
  return settingsOf(found, `${file.path}, cloud ${cloud}`, home);
}

function settingsOf(
  found: Readonly<Record<string, unknown>>,
  where: string,
  home = '~',
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const [name, key] of Object.entries(KEYS)) {
    let value = found[name];
    if (value === undefined || value === null || value === '') continue;
    if (name === 'cacert' && typeof value === 'string') value = value.replace(/^~(?=\/)/, home);
    settings.set(`storage.swift.${key}`, { value, where, from: 'file' });
  }
  return settings;
}

interface FoundFile {
  readonly path: string;
  readonly text: string;
}

function firstFile(paths: readonly string[], { readFile }: CloudsOptions): FoundFile | undefined {
  for (const path of paths) {
    try {
      return { path, text: readFile(path) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      if (code === undefined) throw error;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        throw new CloudError(`${path} cannot be read (${code}); make it readable`);
      }
    }
  }
  return undefined;
}

/** The keys of one cloud, those below `auth` with that before their names. */
function cloudIn({ path, text }: FoundFile, cloud: string, required: boolean): Record<string, unknown> {
  const document = parseDocument(text, { prettyErrors: false });
  // The message of an error may quote a secret; its place does not.
  const [error] = document.errors;
  if (error !== undefined) throw new CloudError(`${path} is no YAML (${error.code}); correct it`);
  const value = aliasedValue(() => document.toJS());
  if (value === undefined) throw new CloudError(`${path} is no YAML (BAD_ALIAS); correct it`);
  const { clouds } = section(value);
  const known = section(clouds);
  if (required && known[cloud] === undefined) {
    const names = Object.keys(known);
    throw new CloudError(
      `${path} has no cloud ${cloud}; ${names.length === 0 ? 'add it' : `it has ${names.join(', ')}`}`,
    );
  }
  const { auth, ...rest } = section(known[cloud]);
  const below = Object.entries(section(auth)).map(([name, value]) => [`auth.${name}`, value] as const);
  return { ...rest, ...Object.fromEntries(below) };
}

function section(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
