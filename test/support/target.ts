import type { Context } from 'mocha';
import { startPeer } from './peer.js';
import { requireTool } from './requirement.js';
import { startServer, type ServerOptions } from './server-process.js';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Of the user that a server under test makes at its start. */
export const ADMIN: Login = { username: 'admin', password: 'correct horse battery' };

/** Makes a server ask for logins. */
export const WITH_LOGINS = { STACKYARD_AUTH_MODE: 'token', STACKYARD_ADMIN_PASSWORD: ADMIN.password };

/** All that the tests of real clients know of the registry they talk to. */
export interface RegistryTarget {
  readonly url: string;
  /** `address:port`, as it stands in an image name. */
  readonly authority: string;
  readonly root: string;
  /** Absent where the registry knows no logins. */
  readonly login?: Login;
  stop(): Promise<unknown>;
}

/** True when the tests themselves are being tried on docker-registry 2.8.2 (STACKYARD_TEST_TARGET=docker-registry). */
export const onPeer: boolean = process.env['STACKYARD_TEST_TARGET'] === 'docker-registry';

/** The registry that a suite of client tests runs against. */
export async function startTarget(context: Context, options: ServerOptions = {}): Promise<RegistryTarget> {
  const server = onPeer
    ? await startPeer({ program: requireTool(context, 'docker-registry') })
    : await startServer({ ...options, env: { ...WITH_LOGINS, ...options.env } });
  return {
    url: server.url,
    authority: `${server.host}:${server.port}`,
    root: server.root,
    ...(!onPeer && { login: ADMIN }),
    stop: () => server.stop(),
  };
}

/** What `login` of a client writes: of docker's, to config.json, of podman and skopeo to REGISTRY_AUTH_FILE. */
export function clientConfig({ authority, login }: Pick<RegistryTarget, 'authority' | 'login'>): string {
  if (login === undefined) return '{}';
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return JSON.stringify({ auths: { [authority]: { auth } } });
}
