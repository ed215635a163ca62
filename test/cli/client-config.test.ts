import assert from 'node:assert/strict';
import { chmod, chown, lstat, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CommandContext } from '../../src/cli/command-context.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { told, type Told } from './test-context.js';

const REGISTRY = ['--registry', 'registry.example:5000'];
const LOGIN = ['--username', 'ci', '--password-stdin'];
const DAEMON_JSON = 'etc/docker/daemon.json';
const LOGINS = 'root/.docker/config.json';

describe('stackyard client-config', () => {
  let home: TemporaryDirectory;
  let into: string;

  beforeEach(async () => {
    home = await temporaryDirectory('client-config');
    into = join(home.path, 'host');
    await mkdir(into);
  });
  afterEach(() => home.remove());

  const at = (path: string): string => join(into, path);
  const run = (words: readonly string[], given: Partial<CommandContext> = {}): Promise<Told> =>
    told(['client-config', ...words], { readLine: async () => 'pw', ...given });
  const docker = (...more: readonly string[]): Promise<Told> => run(['docker', ...REGISTRY, ...more]);
  const modeOf = async (path: string): Promise<number> => (await lstat(at(path))).mode & 0o777;

  async function existing(path: string, content: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content);
    await chmod(at(path), mode);
  }

  async function refused(promise: Promise<Told>, message: string): Promise<void> {
    assert.deepEqual(await promise, { out: '', err: `stackyard: ${message}\n`, code: 2 });
  }

  it('prints each file below a line with its path and mode', async () => {
    const { out, code } = await docker('--http', ...LOGIN);
    assert.equal(code, 0);
    assert.equal(
      out,
      [
        '==> /etc/docker/daemon.json (0644) <==',
        '{\n  "registry-mirrors": [],\n  "insecure-registries": [\n    "registry.example:5000"\n  ]\n}',
        '==> /root/.docker/config.json (0600) <==',
        '{\n  "auths": {\n    "registry.example:5000": {\n      "auth": "Y2k6cHc="\n    }\n  }\n}\n',
      ].join('\n'),
    );
  });

  it('prints one file alone, byte for byte', async () => {
    const words = ['kubernetes', ...REGISTRY, ...LOGIN, '--secret-name', 'pull', '--namespace', 'team'];
    const { out } = await run([...words, '--file', 'stackyard-pull-secret.yaml']);
    assert.match(out, /^apiVersion: v1\n[\s\S]* {2}name: "pull"\n {2}namespace: "team"\n/);
    await refused(run([...words, '--file', '/x']), '/x is none of the files: stackyard-pull-secret.yaml');
  });

  it('prints JSON', async () => {
    const { out } = await run(['podman', ...REGISTRY, '--mirror', 'docker.io=hub', '--only', '--json']);
    const { files } = JSON.parse(out) as { files: Record<string, string>[] };
    assert.deepEqual(
      files.map(({ path, mode }) => [path, mode]),
      [['/etc/containers/registries.conf.d/50-stackyard-docker.io.conf', '0644']],
    );
    assert.match(files[0]?.['content'] ?? '', /location = "registry\.example:5000\/mirror\/hub"/);
  });

  it('writes below a directory, tells what to do then, and changes nothing the second time', async () => {
    const words = ['--http', ...LOGIN, '--home', '/home/ci', '--into', into];
    const first = await docker(...words);
    assert.equal(
      first.out,
      `wrote ${at(DAEMON_JSON)}\nwrote ${at('home/ci/.docker/config.json')}\nthen: systemctl reload docker\nthen: docker info\n`,
    );
    const second = await docker(...words);
    assert.equal(
      second.out,
      `unchanged ${at(DAEMON_JSON)}\nunchanged ${at('home/ci/.docker/config.json')}\n`,
    );
    assert.deepEqual(JSON.parse((await docker(...words, '--json')).out), {
      files: [
        { path: at(DAEMON_JSON), changed: false },
        { path: at('home/ci/.docker/config.json'), changed: false },
      ],
      then: [],
    });
  });

  it('gives secrets to nobody else', async () => {
    const before = process.umask(0);
    try {
      await docker(...LOGIN, '--into', into);
    } finally {
      process.umask(before);
    }
    assert.equal(await modeOf(LOGINS), 0o600);
    assert.equal(await modeOf('root/.docker'), 0o700);
    assert.equal(await modeOf('root'), 0o755);
  });

  it('closes a file with logins that others may read, and opens none that is closed', async () => {
    await docker(...LOGIN, '--into', into);
    await chmod(at(LOGINS), 0o644);
    await existing(DAEMON_JSON, '{}', 0o600);
    const { out } = await docker('--http', ...LOGIN, '--into', into);
    assert.match(out, /^wrote \S+daemon\.json\nwrote \S+config\.json\n/);
    assert.equal(await modeOf(LOGINS), 0o600);
    assert.equal(await modeOf(DAEMON_JSON), 0o600);
  });

  it('is readable by others whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await run(['podman', ...REGISTRY, '--mirror', 'docker.io', '--into', into]);
    } finally {
      process.umask(before);
    }
    assert.equal(await modeOf('etc/containers/registries.conf.d'), 0o755);
    assert.equal(await modeOf('etc/containers/registries.conf.d/50-stackyard-docker.io.conf'), 0o644);
  });

  it('keeps the owner of a file, and gives new ones to the owner of their folder', async function () {
    if (process.geteuid?.() !== 0) return this.skip();
    await existing(DAEMON_JSON, '{}');
    await chown(at(DAEMON_JSON), 1234, 1235);
    await mkdir(at('root'));
    await chown(at('root'), 2345, 2346);
    await docker('--http', ...LOGIN, '--into', into);
    const owners = await Promise.all(
      [DAEMON_JSON, 'root/.docker', LOGINS].map(async (path) => {
        const { uid, gid } = await lstat(at(path));
        return [uid, gid];
      }),
    );
    assert.deepEqual(owners, [
      [1234, 1235],
      [2345, 2346],
      [2345, 2346],
    ]);
  });

  it('keeps what others wrote', async () => {
    await existing(DAEMON_JSON, '{"log-driver": "journald"}');
    await docker('--http', '--into', into);
    assert.match(await readFile(at(DAEMON_JSON), 'utf8'), /^\{\n {2}"log-driver": "journald",\n/);
  });

  it("looks into what containerd's file imports", async () => {
    const config = 'etc/containerd/config.toml';
    await existing(config, "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n");
    await existing('etc/containerd/conf.d/99-nvidia.toml', "[plugins.'io.containerd.cri.v1.runtime']\n");
    await existing('etc/containerd/conf.d/note', "[plugins.'io.containerd.cri.v1.images'.registry]\n");
    const words = ['containerd', ...REGISTRY, '--into', into];
    assert.equal((await run(words)).code, 0);
    assert.match(await readFile(at(config), 'utf8'), /^ {2}config_path = "\/etc\/containerd\/certs\.d"$/m);
    await existing(config, "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n");
    await existing('etc/containerd/conf.d/50-x.toml', "[plugins.'io.containerd.cri.v1.images'.registry]\n");
    await refused(
      run(words),
      `${at(config)}: imports brings in /etc/containerd/conf.d/50-x.toml, which may set the plugin, too; ` +
        `set config_path = "/etc/containerd/certs.d" in the plugin's registry table by hand, or take imports out`,
    );
  });

  it('refuses for what cannot be read there only where it is imported', async () => {
    const config = 'etc/containerd/config.toml';
    await existing('etc/containerd/conf.d/a.toml/x', 'a folder in the place of a file');
    const words = ['containerd', ...REGISTRY, '--into', into];
    assert.equal((await run(words)).code, 0);
    await existing(config, "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n");
    assert.match(
      (await run(words)).err,
      /imports brings in \/etc\/containerd\/conf\.d\/a\.toml, which may set/,
    );
    await rm(at('etc/containerd/conf.d'), { recursive: true });
    await symlink('/tmp', at('etc/containerd/conf.d'));
    assert.match(
      (await run(words)).err,
      /imports brings in \/etc\/containerd\/conf\.d\/\*\.toml, which may set/,
    );
  });

  it('writes nothing where one of the files cannot be merged', async () => {
    await existing(LOGINS, '{"auths": {"x": {"auth": "aHVudGVyMg=="');
    await refused(
      docker('--http', ...LOGIN, '--into', into),
      `${at(LOGINS)}: it is no JSON (jq . FILE tells where); correct it, or move it away`,
    );
    assert.deepEqual(await readdir(into), ['root']);
  });

  it('leaves nothing behind where one of the files cannot be written', async () => {
    await existing('etc/containers/certs.d', 'a file in the place of a folder');
    await writeFile(join(home.path, 'ca.pem'), PEM);
    const words = ['podman', ...REGISTRY, '--mirror', 'docker.io', '--ca', join(home.path, 'ca.pem')];
    await refused(
      run([...words, '--into', into]),
      `${at('etc/containers/certs.d')}: it is no directory; move it away`,
    );
    assert.deepEqual(await readdir(at('etc/containers')), ['certs.d']);
  });

  it('follows no link', async () => {
    await existing('etc/real.json', '{}');
    await mkdir(at('etc/docker'));
    await symlink('../real.json', at(DAEMON_JSON));
    const fix = 'which is not followed; name the place itself, or replace the link';
    await refused(
      docker('--http', '--into', into),
      `${at(DAEMON_JSON)}: it is a link to ../real.json, ${fix}`,
    );
    await symlink('/etc', at('root'));
    await refused(docker(...LOGIN, '--into', into), `${at('root')}: it is a link to /etc, ${fix}`);
    assert.equal(await readFile(at('etc/real.json'), 'utf8'), '{}');
  });

  it('refuses what is no file of text', async () => {
    await existing(DAEMON_JSON, '');
    await writeFile(at(DAEMON_JSON), Buffer.from([0x7b, 0xff, 0x7d]));
    await refused(
      docker('--http', '--into', into),
      `${at(DAEMON_JSON)}: it is no UTF-8 text; correct it, or move it away`,
    );
    await writeFile(at(DAEMON_JSON), Buffer.alloc((4 << 20) + 1, ' '));
    await refused(
      docker('--http', '--into', into),
      `${at(DAEMON_JSON)}: it is larger than 4 MiB; give another`,
    );
    await refused(docker('--ca', into), `--ca ${into}: it is no file; give one`);
    await refused(docker('--ca', at('x')), `--ca ${at('x')}: it cannot be read (ENOENT); correct that first`);
    await refused(
      docker('--http', '--into', at('x')),
      `--into ${at('x')}: it cannot be written to (ENOENT); correct that first`,
    );
  });

  it('names options in its refusals, and tells no secret', async () => {
    const port = 'give host[:port], such as registry.example:5000';
    await refused(
      run(['docker', '--registry', 'ci:hunter2@registry.example']),
      `--registry: a user has no place there; ${port}`,
    );
    await refused(
      run(['podman', ...REGISTRY, '--mirror', 'quay.io', '--mirror', 'https://ghcr.io']),
      `--mirror (number 2): a scheme has no place there; ${port}`,
    );
    await refused(
      docker('--username', 'a:b', '--password-stdin'),
      '--username: it holds a colon, which ends a user name; give one without',
    );
    await refused(
      run(['docker', ...REGISTRY, ...LOGIN], { readLine: async () => '' }),
      'the password: it is empty; give one',
    );
  });

  it('refuses options that the engine has no use for', async () => {
    await refused(
      docker(),
      'the engine needs no file for that: give --ca, --http, --mirror, --docker-mirror or --username',
    );
    await refused(docker('--http', '--only'), '--only goes with --mirror');
    await refused(
      run(['podman', ...REGISTRY, '--docker-mirror', 'https://m']),
      '--docker-mirror goes with the engine docker',
    );
    await refused(docker('--http', '--namespace', 'x'), '--namespace goes with the engine kubernetes');
    const ofNodes = "goes with a host's engine; of Kubernetes' nodes these are containerd and crio";
    await refused(run(['kubernetes', ...REGISTRY, ...LOGIN, '--http']), `--http ${ofNodes}`);
    await refused(docker('--http', '--password-stdin'), '--password-stdin goes with --username');
    await refused(
      docker('--http', '--into', into, '--file', '/x'),
      '--file goes with what is printed, not with --into',
    );
  });

  it('asks at a terminal for the password, without showing it', async () => {
    await refused(
      docker('--username', 'ci'),
      'there is no terminal to ask at: give --password-stdin with --username',
    );
    const asked: unknown[] = [];
    const { out } = await run(['docker', ...REGISTRY, '--username', 'ci'], {
      ask: async (question, options) => {
        asked.push([question, options]);
        return 'pw';
      },
    });
    assert.deepEqual(asked, [['Password or access token: ', { secret: true }]]);
    assert.match(out, /"auth": "Y2k6cHc="/);
  });
});

const PEM = '-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n';
