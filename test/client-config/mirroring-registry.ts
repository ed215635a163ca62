import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'mocha';
import { Authority } from '../support/authority.js';
import { makeImage, type Image } from '../support/image.js';
import { makeNetwork, type Network } from '../support/network.js';
import { startPeer, type Peer } from '../support/peer.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';
import { HostRoot } from './host-root.js';

/** The log is written some time after the answers. */
const LOG_MS = 5_000;

/** What the upstream holds. */
export const MIRRORED = 'docker.io/library/app:v1';

/** A server with a certificate of a private CA that mirrors docker.io, in a network of its own with its upstream. */
export class MirroringRegistry {
  #upstream: Peer | undefined;

  private constructor(
    readonly home: TemporaryDirectory,
    readonly network: Network,
    readonly server: ServerProcess,
    /** What MIRRORED is. */
    readonly mirrored: Image,
    upstream: Peer,
  ) {
    this.#upstream = upstream;
  }

  static async start(context: Context): Promise<MirroringRegistry> {
    const program = requireTool(context, 'docker-registry');
    const network = await makeNetwork(context);
    const home = await temporaryDirectory('cc');
    let upstream: Peer | undefined;
    try {
      const authority = await Authority.create(context, home.path);
      await authority.issue('server', 'server', `IP:${network.address}`);
      const mirrored = makeImage({ format: 'docker' });
      upstream = await startUpstream(join(home.path, 'upstream'), program, network, mirrored);
      const server = await startMirroringServer(home.path, network, upstream.url);
      return new MirroringRegistry(home, network, server, mirrored, upstream);
    } catch (error) {
      await upstream?.stop();
      await network.stop();
      await home.remove();
      throw error;
    }
  }

  /** `address:port` */
  get authority(): string {
    return `${this.network.address}:${this.server.port}`;
  }

  get rootMirror(): string {
    const line = this.server.log.find(({ msg }) => msg === 'the root mirror is served');
    assert.ok(line, 'the root mirror is not served');
    return `https://${this.network.address}:${String(line['port'])}`;
  }

  get ca(): string {
    return join(this.home.path, 'ca.pem');
  }

  /** Of `client-config`, for all that this registry offers. */
  get arguments(): readonly string[] {
    return ['--registry', this.authority, '--ca', this.ca, '--mirror', 'docker.io', ...LOGIN];
  }

  /** A host that has nothing yet. */
  async host(name: string): Promise<HostRoot> {
    const host = new HostRoot(join(this.home.path, name), this.network);
    await mkdir(host.path);
    return host;
  }

  /** Resolves once the server logged such a request, `METHOD path repository status`, after so many lines of its log. */
  async wasAsked(request: RegExp, since: number): Promise<void> {
    const end = performance.now() + LOG_MS;
    while (!this.requests(since).some((each) => request.test(each))) {
      assert.ok(performance.now() < end, `not ${request}, but:\n${this.requests(since).join('\n')}`);
      await delay(50);
    }
  }

  private requests(since: number): readonly string[] {
    return this.server.log
      .slice(since)
      .filter(({ msg }) => msg === 'request')
      .map(({ method, path, repository, status }) =>
        [method, path, repository ?? '-', status].map(String).join(' '),
      );
  }

  async stopUpstream(): Promise<void> {
    await this.#upstream?.stop();
    this.#upstream = undefined;
  }

  /** An image that only those with a login may pull: what is mirrored, by another name. */
  async copyToPrivate(context: Context): Promise<string> {
    const image = `${this.authority}/team/app:v1`;
    const credentials = `${ADMIN.username}:${ADMIN.password}`;
    const [command = '', ...words] = [...this.network.through, requireTool(context, 'skopeo'), 'copy'];
    await runTool(command, [
      ...words,
      ...['--src-tls-verify=false', '--src-creds', credentials],
      ...['--dest-tls-verify=false', '--dest-creds', credentials],
      ...[`docker://${this.authority}/mirror/${MIRRORED}`, `docker://${image}`],
    ]);
    return image;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.stopUpstream();
    await this.network.stop();
    await this.home.remove();
  }
}

const LOGIN = ['--username', ADMIN.username, '--password-stdin'];

/** With an image that was pushed to it while it could be reached from here. */
async function startUpstream(
  root: string,
  program: string,
  { through }: Network,
  image: Image,
): Promise<Peer> {
  const before = await startPeer({ program, root });
  await new RegistryClient(before.url).pushImage('library/app', image, 'v1');
  await before.stop();
  return startPeer({ program, root, through });
}

async function startMirroringServer(
  home: string,
  { address, through }: Network,
  upstream: string,
): Promise<ServerProcess> {
  const root = { port: 0, host: address, networks: [`${address}/32`] };
  const config = {
    auth: { anonymousPull: ['mirror/docker.io/**'] },
    mirror: { upstreams: [{ name: 'docker.io', url: upstream }], root },
    server: { tls: { certificate: join(home, 'server.pem'), key: join(home, 'server.key') } },
  };
  // JSON is YAML.
  await writeFile(join(home, 'stackyard.yaml'), JSON.stringify(config));
  const env = { ...WITH_LOGINS, STACKYARD_CONFIG: join(home, 'stackyard.yaml') };
  return startServer({ host: address, env, through });
}
