import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { makeDockerConfig } from '../support/docker-config.js';
import { requireGoTool } from '../support/go-tools.js';
import { makeImage } from '../support/image.js';
import { compiledRoot } from '../support/project.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { cleanEnvironment, startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS, type Login } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool, type ToolResult } from '../support/tool.js';

const REFUSED = /denied|authentication required|unauthorized/;
/** How long a revocation may take to be known everywhere. */
const REVOCATION_MS = 5000;

describe('logins', function () {
  this.timeout(180_000);
  let server: ServerProcess;
  let home: TemporaryDirectory;
  let daemon: DockerDaemon;

  before(async function () {
    requireRoot(this);
    const program = requireTool(this, 'dockerd');
    requireTool(this, 'docker');
    home = await temporaryDirectory('logins');
    server = await startServer({ root: join(home.path, 'data'), env: WITH_LOGINS });
    const client = new RegistryClient(server.url, ADMIN);
    await client.pushImage('private/app', makeImage({ format: 'docker' }), 'v1');
    daemon = await startDockerDaemon(program);
  });
  after(async () => {
    await (daemon as DockerDaemon | undefined)?.stop();
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const authority = (): string => `${server.host}:${server.port}`;
  const name = (image: string): string => `${authority()}/${image}`;

  /** The command line beside the server, on the same store. */
  async function stackyard(...args: string[]): Promise<ToolResult> {
    const bin = join(compiledRoot, 'src/cli/stackyard.js');
    return runTool(process.execPath, [bin, ...args], {
      cwd: home.path,
      env: { ...cleanEnvironment(), STACKYARD_STORAGE_FILESYSTEM_ROOT: server.root },
    });
  }

  async function robot(robotName: string, grant: string): Promise<{ login: Login; id: string }> {
    const { stdout } = await stackyard('robot', 'create', robotName, '--grant', grant, '--json');
    const { id, secret } = JSON.parse(stdout) as { id: string; secret: string };
    return { login: { username: robotName, password: secret }, id };
  }

  async function imported(image: string): Promise<void> {
    const tree = join(home.path, randomBytes(4).toString('hex'));
    await mkdir(tree);
    await writeFile(join(tree, 'file'), randomBytes(50_000));
    await runTool('tar', ['-C', tree, '-cf', `${tree}.tar`, '.']);
    await daemon.docker(['import', `${tree}.tar`, image]);
  }

  async function refused(args: readonly string[], told: RegExp): Promise<void> {
    const answer = await daemon.tryDocker(args);
    assert.notEqual(answer.code, 0, `docker ${args.join(' ')} went through`);
    assert.match(answer.stderr, told);
  }

  it('docker pushes and pulls after a login, and not before or after it', async () => {
    const image = name('mine/app:v1');
    await imported(image);
    await refused(['push', image], REFUSED);
    await refused(
      ['login', '--username', ADMIN.username, '--password', 'wrong', authority()],
      /unauthorized|wrong/,
    );
    await daemon.login(authority(), ADMIN);
    await daemon.docker(['push', image]);
    await daemon.docker(['rmi', image]);
    await daemon.docker(['pull', image]);
    await daemon.docker(['logout', authority()]);
    await daemon.docker(['rmi', image]);
    await refused(['pull', image], REFUSED);
  });

  it('one line makes a robot that pushes where it may and nowhere else, one line ends it', async () => {
    const { login, id } = await robot('ci', 'team/**:pull,push');
    const image = name('team/app:v1');
    await imported(image);
    await daemon.login(authority(), login);
    await daemon.docker(['push', image]);
    await daemon.docker(['tag', image, name('other/app:v1')]);
    await refused(['push', name('other/app:v1')], REFUSED);
    await stackyard('token', 'revoke', id);
    await delay(REVOCATION_MS);
    await refused(['push', image], REFUSED);
    await daemon.docker(['logout', authority()]);
  });

  it('podman and skopeo log in and out', async function () {
    requireTool(this, 'podman');
    requireTool(this, 'skopeo');
    const { login } = await robot('reader', 'private/**:pull');
    const env = { REGISTRY_AUTH_FILE: join(home.path, 'auth.json'), TMPDIR: home.path };
    const inspect = ['inspect', '--tls-verify=false', `docker://${name('private/app:v1')}`];
    for (const program of ['podman', 'skopeo']) {
      assert.notEqual((await tryTool('skopeo', inspect, { env })).code, 0);
      const credentials = ['--username', login.username, '--password-stdin', '--tls-verify=false'];
      const input = Readable.from([login.password]);
      await runTool(program, ['login', ...credentials, authority()], { env, input });
      await runTool('skopeo', inspect, { env });
      await runTool(program, ['logout', authority()], { env });
    }
  });

  for (const [program, login, check, logout] of [
    ['crane', ['auth', 'login'], ['manifest', '--insecure'], ['auth', 'logout']],
    ['oras', ['login', '--plain-http'], ['manifest', 'fetch', '--plain-http'], ['logout']],
  ] as const) {
    it(`${program} logs in and out`, async function () {
      this.timeout(900_000);
      const path = await requireGoTool(this, program);
      const config = join(home.path, program);
      await makeDockerConfig(config);
      const options = { cwd: config, env: { DOCKER_CONFIG: config, HOME: config, ORAS_CACHE: '' } };
      const reads = async (): Promise<boolean> =>
        (await tryTool(path, [...check, name('private/app:v1')], options)).code === 0;
      assert.equal(await reads(), false);
      await runTool(path, [...login, '--username', ADMIN.username, '--password-stdin', authority()], {
        ...options,
        input: Readable.from([ADMIN.password]),
      });
      assert.equal(await reads(), true);
      await runTool(path, [...logout, authority()], options);
      assert.equal(await reads(), false);
    });
  }

  it('containerd pulls and pushes with a login', async function () {
    requireTool(this, 'ctr');
    const socket = join(daemon.directory, 'exec', 'containerd', 'containerd.sock');
    const user = ['--plain-http', '--user', `${ADMIN.username}:${ADMIN.password}`];
    const ctr = (...args: string[]): Promise<ToolResult> =>
      tryTool('ctr', ['--address', socket, '--namespace', 'test', ...args]);
    const image = name('private/app:v1');
    assert.notEqual((await ctr('content', 'fetch', '--plain-http', image)).code, 0);
    for (const args of [
      ['content', 'fetch', ...user, image],
      ['images', 'push', ...user, name('private/copy:v1'), image],
      ['content', 'fetch', ...user, name('private/copy:v1')],
    ]) {
      const { code, stderr } = await ctr(...args);
      assert.equal(code, 0, `ctr ${args[0]} ${args[1]}: ${stderr}`);
    }
  });

  it('anybody may pull what the rules say, and push nothing', async () => {
    const open = await startServer({
      root: server.root,
      env: { ...WITH_LOGINS, STACKYARD_AUTH_ANONYMOUS_PULL: 'private/**' },
    });
    try {
      const image = `${open.host}:${open.port}/private/app:v1`;
      await daemon.docker(['pull', image]);
      await refused(['push', image], REFUSED);
    } finally {
      await open.stop();
    }
  });
});
