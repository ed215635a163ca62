import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import type { OpenStackAccount, OpenStackCredentials } from '../../src/domain/openstack-credentials.js';
import { leaveOut } from './requirement.js';
import { swiftLogin, swiftRequest, type SwiftAnswer, type SwiftSession } from './swift-client.js';

/** The programs of the bed, as their pid files are named. */
export type SwiftService =
  | 'proxy-server'
  | 'account-server'
  | 'container-server'
  | 'object-server'
  | 'object-updater'
  | 'container-updater'
  | 'object-expirer'
  | 'memcached'
  | 'keystone'
  | 'limits-proxy'
  | 'limits-container'
  | 'limits-memcached';

/** A real one-node Swift with Keystone, as scripts/swift/up.mjs starts it. */
export interface SwiftBed {
  /** tempauth's test:tester, administrator of AUTH_test. */
  readonly v1: OpenStackAccount;
  /** The same account by a proxy with tokens of 3 s, objects ≤ 4 MiB, SLOs ≤ 5 segments, listings ≤ 10. */
  readonly limits: OpenStackAccount;
  /** The user `registry` in its project, by each way to log in; region `limits` is the proxy with limits. */
  readonly keystone: KeystoneAccounts;
  /** Of the v1 account; `path` begins with `/` and is taken as it is, below the account. */
  request(method: string, path: string, headers?: Headers, body?: Uint8Array): Promise<SwiftAnswer>;
  /** Throws if the program does not run. */
  pid(service: SwiftService): Promise<number>;
  /** Signals the program and its workers: SIGSTOP and SIGCONT for one that hangs, SIGKILL for one that is gone. */
  signal(service: SwiftService, signal: NodeJS.Signals): Promise<void>;
}

export interface KeystoneAccounts {
  readonly password: OpenStackAccount;
  readonly applicationCredential: OpenStackAccount;
  readonly applicationCredentialByName: OpenStackAccount;
  /** The user `trustee`, who has no role of its own in the project. */
  readonly trust: OpenStackAccount;
  /** May log in, but Swift answers it 403. */
  readonly reader: OpenStackAccount;
  /** The operator of another project. */
  readonly other: OpenStackAccount;
  readonly projectId: string;
}

type Headers = Readonly<Record<string, string>>;
type Variables = (name: string) => string;

/** The bed whose variables the file SWIFT_TEST_ENV holds; without it the suite is left out. Call it in `before`. */
export async function swiftBed(context: Context): Promise<SwiftBed> {
  const file = process.env['SWIFT_TEST_ENV'];
  if (file === undefined)
    leaveOut(context, 'no Swift: SWIFT_TEST_ENV names no file written by scripts/swift/up.mjs');
  const values = parseExports(await readFile(file, 'utf8'));
  const variable = (name: string) => {
    const value = values.get(name);
    if (value === undefined)
      throw new Error(`${file} has no ${name}: start Swift with --keystone --second-proxy`);
    return value;
  };
  const v1 = v1AccountOf(variable);
  let session: Promise<SwiftSession> | undefined;
  const run = join(variable('SWIFT_ROOT'), 'run');
  const pid = async (service: SwiftService) =>
    Number((await readFile(join(run, `${service}.pid`), 'utf8')).split(' ')[0]);
  return {
    v1,
    limits: v1Account(variable('SWIFT_LIMITS_ST_AUTH'), variable),
    keystone: keystoneAccounts(variable),
    async request(method, path, headers = {}, body) {
      const { storageUrl, token } = await (session ??= swiftLogin(v1));
      return swiftRequest(method, storageUrl + path, { 'x-auth-token': token, ...headers }, body);
    },
    pid,
    async signal(service, signal) {
      process.kill(-(await pid(service)), signal);
    },
  };
}

/** `export NAME='value'` lines; several may stand in one, quotes may be left out. */
export function parseExports(text: string): Map<string, string> {
  const found = text.matchAll(/(?<=\s)([A-Z][A-Z0-9_]*)=(?:'([^']*)'|(\S+))/g);
  return new Map([...found].map(([, name = '', quoted, plain = '']) => [name, quoted ?? plain]));
}

/** tempauth's account of a bed, by the variables that its file exports. */
export function v1AccountOf(variable: Variables): OpenStackAccount {
  return v1Account(variable('ST_AUTH'), variable);
}

function v1Account(authUrl: string, variable: Variables): OpenStackAccount {
  const credentials = { kind: 'v1', user: variable('ST_USER'), key: variable('ST_KEY') } as const;
  return { authUrl, credentials, interface: 'public' };
}

function keystoneAccounts(variable: Variables): KeystoneAccounts {
  const domain = { name: variable('OS_USER_DOMAIN_NAME') };
  const projectId = variable('SWIFT_TEST_PROJECT_ID');
  const named = (prefix: string) => ({
    kind: 'password' as const,
    user: { name: variable(`${prefix}_USERNAME`), domain },
    password: variable(`${prefix}_PASSWORD`),
  });
  const project = (name: string) => ({
    project: { name, domain: { name: variable('OS_PROJECT_DOMAIN_NAME') } },
  });
  const account = (credentials: OpenStackCredentials): OpenStackAccount => ({
    authUrl: variable('OS_AUTH_URL'),
    credentials,
    region: variable('OS_REGION_NAME'),
    interface: 'public',
  });
  const secret = variable('SWIFT_TEST_APPLICATION_CREDENTIAL_SECRET');
  const byName = {
    name: variable('SWIFT_TEST_APPLICATION_CREDENTIAL_NAME'),
    user: { name: variable('OS_USERNAME'), domain },
  };
  return {
    projectId,
    password: account({ ...named('OS'), scope: project(variable('OS_PROJECT_NAME')) }),
    applicationCredential: account({
      kind: 'application-credential',
      credential: { id: variable('SWIFT_TEST_APPLICATION_CREDENTIAL_ID') },
      secret,
    }),
    applicationCredentialByName: account({ kind: 'application-credential', credential: byName, secret }),
    trust: account({ ...named('SWIFT_TEST_TRUSTEE'), scope: { trust: variable('SWIFT_TEST_TRUST_ID') } }),
    reader: account({ ...named('SWIFT_TEST_READER'), scope: { project: { id: projectId } } }),
    other: account({ ...named('SWIFT_TEST_OTHER'), scope: project('other') }),
  };
}
