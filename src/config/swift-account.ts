import type { OpenStackAccount, OpenStackCredentials } from '../domain/openstack-credentials.js';
import { ConfigError } from './config-error.js';
import { GivenKeys } from './given-keys.js';
import { originOf } from './origins.js';
import type { Config } from './schema.js';
import { chosenMethod, credentialsOf, nameOfMethod } from './swift-credentials.js';

/** The text of a file; throws as node:fs does, with `code`. */
export type ReadFile = (path: string) => string;

/**
 * The Swift account of a configuration whose store is Swift, with the certificates of `caFile`.
 * @throws ConfigError with all that is missing or contradictory
 */
export function swiftAccount(config: Config, readFile: ReadFile): OpenStackAccount | undefined {
  if (config.storage.driver !== 'swift') return undefined;
  const read = readAccount(config, (path) => originOf(config, path) ?? 'given', readFile);
  if ('problems' in read) throw new ConfigError(read.problems);
  return read.account;
}

/** The problems that `swiftAccount` would throw; `where` tells the origin of a key's value. */
export function accountProblems(
  config: Config,
  where: (path: string) => string,
  readFile: ReadFile,
): readonly string[] {
  if (config.storage.driver !== 'swift') return [];
  const read = readAccount(config, where, readFile);
  return 'problems' in read ? read.problems : [];
}

type AccountReading = { readonly account: OpenStackAccount } | { readonly problems: readonly string[] };

function readAccount(
  { storage: { swift } }: Config,
  where: (path: string) => string,
  readFile: ReadFile,
): AccountReading {
  const given = new GivenKeys(swift, where);
  const method = chosenMethod(given);
  const ca = swift.caFile === undefined ? undefined : certificates(swift.caFile, given, readFile);
  if (method === undefined) return given;
  const credentials = credentialsOf(method, given);
  const authUrl = isUsedAsItIs(credentials)
    ? given.get('storageUrl')
    : given.need(method === 'v1password' ? 'v1.authUrl' : 'authUrl', nameOfMethod(method));
  if (authUrl === undefined || given.problems.length > 0) return given;
  const { region, storageUrl } = swift;
  return {
    account: {
      authUrl,
      credentials,
      interface: swift.interface,
      ...(region !== undefined && { region }),
      ...(storageUrl !== undefined && { storageUrl }),
      ...(ca !== undefined && { ca }),
    },
  };
}

/** A token that needs no Keystone. */
function isUsedAsItIs(credentials: OpenStackCredentials): boolean {
  return credentials.kind === 'token' && credentials.scope === undefined;
}

function certificates(file: string, given: GivenKeys, readFile: ReadFile): string | undefined {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    given.problem('caFile', `${file} cannot be read (${code}); give a readable PEM file`);
    return undefined;
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  given.problem('caFile', `${file} holds no certificate; give a PEM file`);
  return undefined;
}
