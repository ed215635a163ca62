import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import bcrypt from 'bcryptjs';
import { startPeer, type Peer } from './peer.js';
import { LyingUpstream } from './lying-upstream.js';
import { compiledRoot } from './project.js';
import { RegistryClient } from './registry-client.js';
import { requireTool } from './requirement.js';
import { cleanEnvironment, startServer, type ServerProcess } from './server-process.js';
import { ADMIN, WITH_LOGINS, type Login } from './target.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary.js';
import { runTool } from './tool.js';

/** Of docker-registry, by its htpasswd. */
export const HUB_LOGIN: Login = { username: 'hub-reader', password: 'secret-of-the-hub-1' };
/** Of the other Stackyard's administrator, who pushes there; the mirror has a robot's. */
const QUAY_ADMIN: Login = { username: 'admin', password: 'secret-of-the-quay-2' };
/** Where the second upstream may send us beside itself; 127.0.0.9 is as private, and not allowed. */
export const CDN_ADDRESS = '127.0.0.5';

/** A real registry behind what may lie in its place. */
export interface BedUpstream {
  readonly front: LyingUpstream;
  /** Pushes to the real one, past the front. */
  readonly push: RegistryClient;
  /** What the mirror logs in with. */
  readonly login: Login;
  /** Ends the real one, and the front with it. */
  stop(): Promise<void>;
}

/** Two real upstreams, docker.io (docker-registry, htpasswd) and quay.io (a Stackyard, tokens of a robot). */
export class MirrorBed {
  readonly servers: ServerProcess[] = [];

  private constructor(
    readonly home: TemporaryDirectory,
    readonly hub: BedUpstream,
    readonly quay: BedUpstream,
  ) {}

  static async start(context: Context): Promise<MirrorBed> {
    const program = requireTool(context, 'docker-registry');
    const home = await temporaryDirectory('mirror');
    return new MirrorBed(home, await startHub(home.path, program), await startQuay(home.path));
  }

  /** Mirrors both, with logins; what comes from docker.io anybody may pull. `rules` are added to the section mirror. */
  async startMirror(
    options: { readonly workers?: number; readonly root?: string; readonly rules?: object } = {},
  ): Promise<MirrorServer> {
    const { rules, ...others } = options;
    const config = join(this.home.path, `mirror-${this.servers.length}.yaml`);
    const upstreams = [
      { name: 'docker.io', url: this.hub.front.url, ...this.hub.login },
      {
        name: 'quay.io',
        url: this.quay.front.url,
        ...this.quay.login,
        networks: [`${CDN_ADDRESS}/32`],
      },
    ];
    const mirror = { upstreams, root: { port: 0, networks: ['127.0.0.0/8'] }, tagMaxAge: '0s', ...rules };
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ auth: { anonymousPull: ['mirror/docker.io/**'] }, mirror }));
    const server = await startServer({ ...others, env: { ...WITH_LOGINS, STACKYARD_CONFIG: config } });
    this.servers.push(server);
    return new MirrorServer(server, this.home.path);
  }

  async stop(): Promise<void> {
    for (const server of this.servers) assert.equal(await server.stop(), 0, 'the mirror did not end well');
    await this.hub.stop();
    await this.quay.stop();
    await this.home.remove();
  }
}

/** The Stackyard under test. */
export class MirrorServer {
  /** `address:port` */
  readonly authority: string;

  constructor(
    readonly process: ServerProcess,
    private readonly home: string,
  ) {
    this.authority = `${process.host}:${process.port}`;
  }

  get url(): string {
    return this.process.url;
  }

  /** Of the listener of the root mirror. */
  get rootUrl(): string {
    const line = this.process.log.find(({ msg }) => msg === 'the root mirror is served');
    if (line === undefined) throw new Error('the root mirror is not served');
    return `http://127.0.0.1:${String(line['port'])}`;
  }

  /** By its administrator. */
  client(): RegistryClient {
    return new RegistryClient(this.url, ADMIN);
  }

  /** The command line from afar, and what it prints as JSON. */
  async json<T>(...args: readonly string[]): Promise<T> {
    return stackyard<T>(this.home, this.url, ADMIN, args);
  }
}

async function startHub(home: string, program: string): Promise<BedUpstream> {
  const path = join(home, 'htpasswd');
  await writeFile(path, `${HUB_LOGIN.username}:${await bcrypt.hash(HUB_LOGIN.password, 4)}\n`);
  const peer: Peer = await startPeer({ program, auth: { htpasswd: { realm: 'the hub', path } } });
  const front = await LyingUpstream.start(peer.url);
  return {
    front,
    push: new RegistryClient(peer.url, HUB_LOGIN),
    login: HUB_LOGIN,
    async stop() {
      await front.down();
      await peer.stop();
    },
  };
}

async function startQuay(home: string): Promise<BedUpstream> {
  const server = await startServer({
    env: { ...WITH_LOGINS, STACKYARD_ADMIN_PASSWORD: QUAY_ADMIN.password },
  });
  const front = await LyingUpstream.start(server.url);
  const args = ['robot', 'create', 'quay-reader', '--grant', '**:pull'];
  const { secret } = await stackyard<{ secret: string }>(home, server.url, QUAY_ADMIN, args);
  return {
    front,
    push: new RegistryClient(server.url, QUAY_ADMIN),
    login: { username: 'quay-reader', password: secret },
    async stop() {
      await front.down();
      await server.stop();
    },
  };
}

async function stackyard<T>(cwd: string, url: string, login: Login, args: readonly string[]): Promise<T> {
  const bin = join(compiledRoot, 'src/cli/stackyard.js');
  const { stdout } = await runTool(process.execPath, [bin, '--server', url, ...args, '--json'], {
    cwd,
    env: {
      ...cleanEnvironment(),
      HOME: cwd,
      STACKYARD_STORAGE_FILESYSTEM_ROOT: '/nowhere',
      STACKYARD_USERNAME: login.username,
      STACKYARD_PASSWORD: login.password,
    },
  });
  return JSON.parse(stdout) as T;
}
