import type { Context } from 'mocha';
import { startPeer } from './peer.js';
import { requireTool } from './requirement.js';
import { startServer, type ServerOptions } from './server-process.js';

/** All that the tests of real clients know of the registry they talk to. */
export interface RegistryTarget {
  readonly url: string;
  /** `address:port`, as it stands in an image name. */
  readonly authority: string;
  readonly root: string;
  stop(): Promise<unknown>;
}

/** True when the tests themselves are being tried on docker-registry 2.8.2 (STACKYARD_TEST_TARGET=docker-registry). */
export const onPeer: boolean = process.env['STACKYARD_TEST_TARGET'] === 'docker-registry';

/** The registry that a suite of client tests runs against. */
export async function startTarget(context: Context, options: ServerOptions = {}): Promise<RegistryTarget> {
  const server = onPeer
    ? await startPeer({ program: requireTool(context, 'docker-registry') })
    : await startServer(options);
  return {
    url: server.url,
    authority: `${server.host}:${server.port}`,
    root: server.root,
    stop: () => server.stop(),
  };
}
