import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { compiledRoot } from '../support/project.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { cleanEnvironment, startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool, type ToolResult } from '../support/tool.js';

interface AuditEvent {
  readonly action: string;
  readonly outcome: string;
  readonly by: string;
  readonly from?: string;
  readonly token?: string;
  readonly repository?: string;
  readonly reference?: string;
  readonly digest?: string;
  readonly target?: string;
  readonly count?: number;
}

/** Within which pulls and pushes are in the audit trail, and some more for a busy machine. */
const BATCH_MS = 15_000;

describe('a registry that is administered from afar', function () {
  this.timeout(180_000);
  let server: ServerProcess;
  let home: TemporaryDirectory;
  let daemon: DockerDaemon;
  let adminToken: string;

  before(async function () {
    requireRoot(this);
    const program = requireTool(this, 'dockerd');
    requireTool(this, 'docker');
    requireTool(this, 'skopeo');
    home = await temporaryDirectory('story');
    server = await startServer({ root: join(home.path, 'data'), env: WITH_LOGINS });
    daemon = await startDockerDaemon(program);
    const made = await run(['token', 'create', ADMIN.username, '--note', 'story', '--json'], {
      STACKYARD_USERNAME: ADMIN.username,
      STACKYARD_PASSWORD: ADMIN.password,
    });
    adminToken = (JSON.parse(made.stdout) as { secret: string }).secret;
  });
  after(async () => {
    await (daemon as DockerDaemon | undefined)?.stop();
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  /** With only the server's URL: the command has no store of its own. */
  function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ToolResult> {
    const bin = join(compiledRoot, 'src/cli/stackyard.js');
    return runTool(process.execPath, [bin, '--server', server.url, ...args], {
      cwd: home.path,
      env: { ...cleanEnvironment(), HOME: home.path, STACKYARD_STORAGE_FILESYSTEM_ROOT: '/nowhere', ...env },
    });
  }

  const stackyard = (...args: string[]): Promise<ToolResult> => run(args, { STACKYARD_TOKEN: adminToken });
  const json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse((await stackyard(...args, '--json')).stdout) as T;
  const authority = (): string => `${server.host}:${server.port}`;

  async function localImage(name: string): Promise<string> {
    const tree = join(home.path, randomBytes(4).toString('hex'));
    await mkdir(tree);
    await writeFile(join(tree, 'file'), randomBytes(300_000));
    await runTool('tar', ['-C', tree, '-cf', `${tree}.tar`, '.']);
    await daemon.docker(['import', '--change', 'CMD ["/file"]', `${tree}.tar`, name]);
    return daemon.imageId(name);
  }

  /** Once all that happened so far is in the trail. */
  async function trailWith(
    isThere: (events: readonly AuditEvent[]) => boolean,
  ): Promise<readonly AuditEvent[]> {
    const end = performance.now() + BATCH_MS;
    for (;;) {
      const events = await json<AuditEvent[]>('audit', 'list');
      if (isThere(events) || performance.now() > end) return events;
    }
  }

  it('tells the whole story: robot, push, import, retag, export, load, and who did it', async () => {
    const robot = await json<{ id: string; secret: string }>(
      'robot',
      'create',
      'ci',
      '--grant',
      'team/**:pull,push',
    );
    const pushed = `${authority()}/team/app:v1`;
    const pushedId = await localImage(pushed);
    await daemon.login(authority(), { username: 'ci', password: robot.secret });
    await daemon.docker(['push', pushed]);
    assert.deepEqual(await json('repository', 'list'), [{ name: 'team/app' }]);
    const [tag] = await json<{ name: string; digest: string; size: number }[]>('tag', 'list', 'team/app');
    assert.equal(tag?.name, 'v1');
    const shown = await json<{ config: { cmd: string[]; history: unknown[] } }>(
      'manifest',
      'show',
      'team/app',
      'v1',
    );
    assert.deepEqual(shown.config.cmd, ['/file']);
    assert.equal(shown.config.history.length, 1);

    const savedId = await localImage('local/tool:2.0');
    const saved = join(home.path, 'saved.tar');
    await daemon.docker(['save', '-o', saved, 'local/tool:2.0']);
    await stackyard('import', 'team/tool', saved);
    await stackyard('tag', 'set', 'team/tool', 'stable', '2.0');
    const tags = await json<{ name: string; digest: string }[]>('tag', 'list', 'team/tool');
    assert.deepEqual(
      tags.map(({ name }) => name),
      ['2.0', 'stable'],
    );
    assert.equal(tags[0]?.digest, tags[1]?.digest);

    const exported = join(home.path, 'exported.tar');
    await stackyard('export', 'team/tool', 'stable', '-o', exported);
    await daemon.docker(['rmi', 'local/tool:2.0']);
    const loaded = await daemon.docker(['load', '-i', exported]);
    assert.match(loaded.stdout, /team\/tool:stable/);
    assert.equal(await daemon.imageId('team/tool:stable'), savedId);
    const inspected = await runTool('skopeo', ['inspect', '--raw', `oci-archive:${exported}`]);
    assert.equal((JSON.parse(inspected.stdout) as { config: { digest: string } }).config.digest, savedId);

    await daemon.docker(['rmi', pushed]);
    await daemon.docker(['pull', pushed]);
    assert.equal(await daemon.imageId(pushed), pushedId);
    await daemon.docker(['pull', `${authority()}/team/tool:stable`]);
    assert.equal(await daemon.imageId(`${authority()}/team/tool:stable`), savedId);

    const pullOf = (repository: string) => (event: AuditEvent) =>
      event.action === 'manifest.pull' && event.repository === repository && event.by === 'ci';
    const events = await trailWith((found) => found.some(pullOf('team/tool')));
    const done = (action: string, by: string, what: Partial<AuditEvent>): void => {
      const found = events.some((event) =>
        Object.entries({ action, by, outcome: 'ok', from: '127.0.0.1', ...what }).every(
          ([name, value]) => event[name as keyof AuditEvent] === value,
        ),
      );
      assert.ok(found, `no ${action} by ${by} in ${JSON.stringify(events, null, 1)}`);
    };
    done('robot.create', ADMIN.username, { target: 'robot:ci' });
    done('login', 'ci', { token: robot.id });
    done('manifest.push', 'ci', { repository: 'team/app', reference: 'v1' });
    done('image.import', ADMIN.username, { repository: 'team/tool' });
    done('tag.set', ADMIN.username, { repository: 'team/tool', reference: 'stable' });
    done('image.export', ADMIN.username, { repository: 'team/tool', reference: 'stable' });
    // docker asks by HEAD where the tag points, and pulls that digest.
    done('manifest.pull', 'ci', { repository: 'team/app', digest: tag?.digest ?? '' });
    done('manifest.pull', 'ci', { repository: 'team/tool', digest: tags[0]?.digest ?? '' });
    const told = JSON.stringify(events);
    for (const secret of [robot.secret, adminToken, ADMIN.password]) assert.ok(!told.includes(secret));
    assert.equal(
      (await stackyard('audit', 'export')).stdout.trim().split('\n').length >= events.length,
      true,
    );
  });

  it('takes what skopeo writes, and writes what skopeo takes, byte for byte', async () => {
    const source = `${authority()}/team/skopeo:v1`;
    await localImage(source);
    await daemon.login(authority(), ADMIN);
    await daemon.docker(['push', source]);
    const layout = join(home.path, 'layout.tar');
    const login = ['--src-tls-verify=false', '--src-creds', `${ADMIN.username}:${ADMIN.password}`];
    await runTool('skopeo', ['copy', ...login, `docker://${source}`, `oci-archive:${layout}:v1`]);
    await runTool('gzip', [layout]);
    await stackyard('import', 'team/layout', `${layout}.gz`);
    const exported = join(home.path, 'layout-again.tar');
    await stackyard('export', 'team/layout', 'v1', '-o', exported);
    await runTool('gunzip', [`${layout}.gz`]);
    const manifests = await Promise.all(
      [layout, exported].map((file) => runTool('skopeo', ['inspect', '--raw', `oci-archive:${file}:v1`])),
    );
    assert.equal(manifests[1]?.stdout, manifests[0]?.stdout);
    await stackyard('import', 'team/again', exported, '--tag', 'copied');
    const [one] = await json<{ digest: string }[]>('tag', 'list', 'team/layout');
    const [other] = await json<{ digest: string }[]>('tag', 'list', 'team/again');
    assert.equal(other?.digest, one?.digest);
  });

  it('refuses changes while it is read-only, by every way in', async () => {
    const image = `${authority()}/team/late:v1`;
    await localImage(image);
    await stackyard('read-only', 'on', '--reason', 'the store is being moved');
    try {
      const push = await daemon.tryDocker(['push', image]);
      assert.notEqual(push.code, 0);
      assert.match(push.stderr, /read-only/);
      for (const args of [
        ['tag', 'set', 'team/app', 'v2', 'v1'],
        ['tag', 'delete', 'team/app', 'v1'],
        ['import', 'team/late', join(home.path, 'saved.tar')],
        ['copy', 'team/app', 'v1', 'team/late'],
      ]) {
        const bin = join(compiledRoot, 'src/cli/stackyard.js');
        const env = { ...cleanEnvironment(), HOME: home.path };
        for (const [where, more] of [
          [['--server', server.url], { STACKYARD_TOKEN: adminToken }],
          [[], { STACKYARD_STORAGE_FILESYSTEM_ROOT: server.root }],
        ] as const) {
          const told = await tryTool(process.execPath, [bin, ...where, ...args], {
            cwd: home.path,
            env: { ...env, ...more },
          });
          assert.deepEqual(
            [told.code, told.stderr],
            [3, 'stackyard: the registry is read-only: the store is being moved\n'],
            args.join(' '),
          );
        }
      }
      await daemon.docker(['pull', `${authority()}/team/app:v1`]);
    } finally {
      await stackyard('read-only', 'off');
    }
    await daemon.docker(['push', image]);
  });

  it('keeps a login in a file that only its owner reads', async () => {
    const input = Readable.from([adminToken]);
    const bin = join(compiledRoot, 'src/cli/stackyard.js');
    const env = { ...cleanEnvironment(), HOME: home.path, XDG_CONFIG_HOME: join(home.path, 'config') };
    const told = await runTool(process.execPath, [bin, 'login', server.url, '--token-stdin'], {
      cwd: home.path,
      env,
      input,
    });
    assert.ok(!`${told.stdout}${told.stderr}`.includes(adminToken));
    const file = join(home.path, 'config/stackyard/profiles.json');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok((await readFile(file, 'utf8')).includes(server.url));
    const who = await runTool(process.execPath, [bin, '--server', server.url, 'whoami'], {
      cwd: home.path,
      env,
    });
    assert.match(who.stdout, new RegExp(ADMIN.username));
    await runTool(process.execPath, [bin, 'logout', server.url], { cwd: home.path, env });
    assert.ok(!(await readFile(file, 'utf8')).includes(adminToken));
  });
});
