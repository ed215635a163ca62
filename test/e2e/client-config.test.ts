import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  HOME,
  startContainerd,
  startDocker,
  startPodman,
  type Engine,
  type PushingEngine,
} from '../client-config/engines.js';
import type { HostRoot } from '../client-config/host-root.js';
import { MirroringRegistry, MIRRORED } from '../client-config/mirroring-registry.js';
import { tarOf } from '../support/image.js';
import { requireTool } from '../support/requirement.js';
import { ADMIN } from '../support/target.js';
import { runTool, type ToolResult } from '../support/tool.js';

const X509 = /x509: certificate signed by unknown authority|certificate is not trusted/;

/** What a host may have had before; the folders are the test's own. */
const containerdBefore = (host: HostRoot): string =>
  [
    'version = 2',
    '[plugins]',
    `  [plugins."io.containerd.grpc.v1.cri".cni]\n    conf_dir = "${host.at('cni')}" # none yet`,
    `  [plugins."io.containerd.internal.v1.opt"]\n    path = "${host.at('opt')}"\n`,
  ].join('\n');

describe('engines that client-config configures', function () {
  this.timeout(180_000);
  let mirroring: MirroringRegistry;
  let host: HostRoot;
  let registry: string;
  let docker: Awaited<ReturnType<typeof startDocker>>;
  let containerd: Awaited<ReturnType<typeof startContainerd>>;
  let podman: PushingEngine;
  let arguments_: readonly string[];
  let rootMirror: string;
  let privateImage: string;

  before(async function () {
    for (const program of ['docker', 'ctr', 'unshare']) requireTool(this, program);
    const programs = ['dockerd', 'containerd', 'podman'].map((program) => requireTool(this, program));
    const [dockerd = '', containerdProgram = '', podmanProgram = ''] = programs;
    mirroring = await MirroringRegistry.start(this);
    registry = mirroring.authority;
    rootMirror = mirroring.rootMirror;
    host = await configuredHost('host');
    docker = await startDocker(host, dockerd);
    containerd = await startContainerd(host, containerdProgram, registry);
    podman = await startPodman(host, podmanProgram);
  });
  after(async () => {
    for (const engine of [docker, containerd, podman] as (Engine | undefined)[]) await engine?.stop();
    await (mirroring as MirroringRegistry | undefined)?.stop();
  });

  async function configuredHost(name: string): Promise<HostRoot> {
    const made = await mirroring.host(name);
    await made.write('/etc/containerd/config.toml', containerdBefore(made));
    await made.write('/etc/docker/daemon.json', '{"max-download-attempts": 1}');
    arguments_ = [...mirroring.arguments, '--home', HOME];
    for (const engine of ['docker', 'containerd', 'podman', 'crio']) {
      const own = engine === 'docker' ? ['--docker-mirror', rootMirror] : [];
      succeeded(await made.configure([engine, ...arguments_, ...own], ADMIN.password));
    }
    return made;
  }

  const engines = (): readonly Engine[] => [docker, containerd, podman];

  it('leave what they are told to be alone the second time', async () => {
    for (const engine of ['containerd', 'podman']) {
      const { stdout } = await host.configure([engine, ...arguments_], ADMIN.password);
      assert.match(stdout, /^(unchanged \S+\n)+$/);
    }
  });

  it('docker pushes with the login, and every one pulls by digest what is private', async () => {
    const tag = `${registry}/team/app:v1`;
    await docker.daemon.importImage(Readable.from([tarOf('file', randomBytes(50_000))]), tag);
    const pushed = succeeded(await docker.push(tag));
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed.stdout)?.[1];
    assert.ok(digest, pushed.stdout);
    privateImage = `${registry}/team/app@${digest}`;
    succeeded(await docker.remove(tag));
    for (const engine of engines()) succeeded(await engine.pull(privateImage));
  });

  it('podman pushes with the login', async () => {
    const tag = `${registry}/team/by-podman:v1`;
    succeeded(await podman.tag(privateImage, tag));
    succeeded(await podman.push(tag));
  });

  it('trust the registry only by the CA that was written', async () => {
    const folders = ['/etc/docker/certs.d', '/etc/containers/certs.d'].map((path) => host.at(path, registry));
    for (const [at, engine] of [docker, podman].entries()) {
      const ca = join(folders[at] ?? '', 'ca.crt');
      await engine.remove(privateImage);
      await rename(ca, `${ca}.away`);
      const refused = await engine.pull(privateImage);
      await rename(`${ca}.away`, ca);
      assert.notEqual(refused.code, 0, engine.name);
      assert.match(refused.stderr, X509, engine.name);
      succeeded(await engine.pull(privateImage));
    }
    const hosts = `/etc/containerd/certs.d/${registry}/hosts.toml`;
    const text = await readFile(host.at(hosts), 'utf8');
    succeeded(await containerd.remove(privateImage));
    await writeFile(host.at(hosts), text.replace(/^ *ca = .*\n/gm, ''));
    const refused = await containerd.pull(privateImage);
    await writeFile(host.at(hosts), text);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, X509);
    succeeded(await containerd.pull(privateImage));
  });

  it('tells by containerd of an image that is not there, not of a certificate', async () => {
    const absent = await containerd.pull(`${registry}/team/app:absent`);
    assert.notEqual(absent.code, 0);
    assert.match(absent.stderr, /not found/);
    assert.doesNotMatch(absent.stderr, X509);
  });

  it("containerd's CRI takes the directory of hosts.toml", async () => {
    const config = host.at('/etc/containerd/config.toml');
    const { stdout } = await runTool('containerd', ['--config', config, 'config', 'dump']);
    assert.match(stdout, /\.registry\]\n\s+config_path = "\/etc\/containerd\/certs\.d"/);
    assert.match(stdout, new RegExp(`conf_dir = "${host.at('cni')}"`));
    const plugins = succeeded(await containerd.ctr('plugins', 'ls'));
    assert.match(plugins.stdout, /^io\.containerd\.grpc\.v1\s+cri\s+\S+\s+ok\s*$/m, containerd.log());
  });

  it('pull through the mirror, and once more when the upstream is gone', async () => {
    for (const engine of engines()) succeeded(await engine.pull(MIRRORED));
    await mirroring.stopUpstream();
    for (const engine of engines()) {
      succeeded(await engine.remove(MIRRORED));
      succeeded(await engine.pull(MIRRORED));
    }
  });

  it('refuse, as client-config does before, what they cannot read', async () => {
    const wrong = join(mirroring.home.path, 'daemon.json');
    const dockerd = async (content: string): Promise<ToolResult> => {
      await writeFile(wrong, content);
      const folders = ['data-root', 'exec-root', 'pidfile'].flatMap((name) => [
        `--${name}`,
        join(mirroring.home.path, `wrong-${name}`),
      ]);
      const socket = `unix://${join(mirroring.home.path, 'wrong')}`;
      const args = ['--config-file', wrong, ...folders, '-H', socket, '--iptables=false'];
      // Where it mounts something before it refuses, that ends with its namespace.
      return host.run('/etc/docker', 'dockerd', args);
    };
    const refusedBy = async (...own: readonly string[]): Promise<string> => {
      const refused = await host.configure(['docker', '--registry', registry, ...own]);
      assert.equal(refused.code, 2);
      return refused.stderr;
    };
    const isStrict = Number.parseInt(docker.daemon.version, 10) < 25;
    if (isStrict) {
      const { code, stderr } = await dockerd(JSON.stringify({ 'registry-mirrors': [`${rootMirror}/path`] }));
      assert.notEqual(code, 0);
      assert.match(stderr, /invalid mirror: path/);
    }
    assert.match(
      await refusedBy('--docker-mirror', `${rootMirror}/path`),
      /--docker-mirror: .*refuses a path/,
    );
    const broken = '{"registry-mirrors": [}';
    const { code, stderr } = await dockerd(broken);
    assert.notEqual(code, 0);
    assert.match(stderr, /invalid character '}'/);
    const daemonJson = host.at('/etc/docker/daemon.json');
    const before = await readFile(daemonJson, 'utf8');
    await writeFile(daemonJson, broken);
    assert.match(await refusedBy('--http'), /daemon\.json: it is no JSON/);
    assert.equal(await readFile(daemonJson, 'utf8'), broken);
    await writeFile(daemonJson, before);
  });
});

function succeeded(result: ToolResult): ToolResult {
  assert.equal(result.code, 0, result.stderr || result.stdout);
  return result;
}
