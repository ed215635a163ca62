import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiProblem } from '../api/admin-connection.js';
import type { AdminConnection } from '../api/admin-connection.js';
import type { Credentials } from '../client/credentials.js';
import { HttpExchange } from '../client/http-exchange.js';
import { RemoteAdmin } from '../client/remote-admin.js';
import { isReadableOnTheWay, parseServerUrl } from '../client/server-url.js';
import { ProfileError } from './profiles.js';
import type { Profile, Profiles } from './profiles.js';
import { systemIds } from './system.js';

/** A server as the command line names it. */
export interface RemoteTarget {
  readonly server: string;
  /** Path of the certificates that the server's is checked against, instead of the system's. */
  readonly ca?: string | undefined;
}

/** Where the logins come from, and who is told what is unwise. */
export interface LoginSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profiles: Pick<Profiles, 'find'>;
  readonly warn: (message: string) => void;
}

/**
 * The admin API of a server, with the login of the environment, else of the profile, else with none; the profile's
 * certificates hold for both.
 * @throws ApiProblem invalid-request; ProfileError
 */
export async function openRemoteAdmin(
  { server, ca }: RemoteTarget,
  { env, profiles, warn }: LoginSources,
): Promise<AdminConnection> {
  const url = parseServerUrl(server);
  const fromEnvironment = environmentLogin(env);
  // A login of the environment needs no file of logins, but may need the certificates that one names.
  const profile = await profiles.find(url).catch((error: unknown) => {
    if (fromEnvironment === undefined || !(error instanceof ProfileError)) throw error;
    warn(error.message);
    return undefined;
  });
  const credentials = fromEnvironment ?? (profile && credentialsOf(profile));
  return connectTo({ server: url, ca: ca ?? profile?.ca }, credentials, warn);
}

/** With this login. @throws ApiProblem invalid-request */
export function connectTo(
  { server, ca: caPath }: RemoteTarget,
  credentials: Credentials | undefined,
  warn: (message: string) => void,
): AdminConnection {
  const url = parseServerUrl(server);
  if (credentials !== undefined && isReadableOnTheWay(url)) {
    warn(`${url} is not https: whoever is on the way can read the login`);
  }
  const ca = caPath === undefined ? undefined : readAuthorities(caPath);
  return new RemoteAdmin({
    exchange: new HttpExchange(url, { ca }),
    credentials,
    uniqueId: () => systemIds.unique(),
    wait: async (milliseconds) => void (await wait(milliseconds)),
  });
}

/** A secret that is an access token's needs no user name. */
export function credentialsOf({ username, secret }: Profile): Credentials {
  return username === undefined ? { token: secret } : { username, secret };
}

/** @throws ApiProblem invalid-request */
function environmentLogin(env: LoginSources['env']): Credentials | undefined {
  const { STACKYARD_TOKEN: token, STACKYARD_USERNAME: username, STACKYARD_PASSWORD: secret } = env;
  if (token && (username || secret)) {
    throw new ApiProblem(
      'invalid-request',
      'set STACKYARD_TOKEN, or STACKYARD_USERNAME with STACKYARD_PASSWORD, not both',
    );
  }
  if (token) return { token };
  if (username && secret) return { username, secret };
  if (username || secret) {
    throw new ApiProblem('invalid-request', 'set both STACKYARD_USERNAME and STACKYARD_PASSWORD');
  }
  return undefined;
}

/** @throws ApiProblem invalid-request */
function readAuthorities(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ApiProblem(
      'invalid-request',
      `--ca: ${path} cannot be read (${code}); give a readable PEM file`,
    );
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new ApiProblem('invalid-request', `--ca: ${path} holds no certificate; give a PEM file`);
}
