import assert from 'node:assert/strict';
import { startChefHost, type ChefHost } from '../support/chef/host.js';
import {
  ADDRESS,
  CLIENT_RECIPE,
  provideRegistry,
  pushImage,
  REGISTRY,
  ROBOT_FILE,
  ROOT_MIRROR,
  SECRETS,
  serverRecipe,
  startUpstream,
  UPSTREAM,
  UPSTREAM_SERVICE,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

const UPSTREAMS = `[{ name: 'docker.io', url: 'http://${UPSTREAM}' }, { name: 'quay.io' }]`;
const MIRROR = `mirror: { upstreams: ${UPSTREAMS}, root: { port: 5001, host: '${ADDRESS}', networks: ['10.0.0.0/8'] } },
    auth: { anonymousPull: ['mirror/docker.io/**'] }`;
const DAEMON_JSON = '/etc/docker/daemon.json';
const DOCKER_DEFAULTS = '/etc/default/docker';
const DOCKER_LOGIN = '/root/.docker/config.json';

const mirrorRecipe = (upstream: string, properties: string): string => `
stackyard_mirror '${upstream}' do
  registry '${REGISTRY}'
  ${properties}
end`;
const HUB = mirrorRecipe('docker.io', `docker_mirror 'https://${ROOT_MIRROR}'`);
const QUAY = mirrorRecipe('quay.io', '');

describe('the cookbook: clients', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
    await startUpstream(this, host);
    // The kernel lays no overlay on the overlay that the host's files are.
    const storage = ['driver = "vfs"', 'runroot = "/run/podman"', 'graphroot = "/var/lib/podman"'];
    await host.write('/etc/containers/storage.conf', `[storage]\n${storage.join('\n')}\n`, 0o644);
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  it('changes nothing of a fresh host where it is only asked why', () =>
    assertWhyRun(host, watch, CLIENT_RECIPE.slice(CLIENT_RECIPE.indexOf('stackyard_trust')) + HUB + QUAY));

  it('gets a registry', async () => {
    const { code, output } = await watch.converge(serverRecipe({ config: MIRROR }));
    assert.equal(code, 0, output);
    await host.run('systemctl', 'start', 'docker');
  });

  const dockerMirrors = async (): Promise<unknown> =>
    JSON.parse((await host.run('docker', 'info', '--format', '{{json .RegistryConfig.Mirrors}}')).stdout);
  const since = async (service: string): Promise<string> =>
    (await host.run('systemctl', 'show', '--property=ActiveEnterTimestampMonotonic', service)).stdout;
  const podmanMirrors = async (upstream: string): Promise<string> => {
    const { stdout } = await host.run('podman', 'info', '--format', 'json');
    const { registries } = JSON.parse(stdout) as { registries: Record<string, unknown> };
    return JSON.stringify(registries[upstream] ?? null);
  };

  describe('stackyard_trust and stackyard_login', () => {
    it('log docker and podman in with the secret of the robot', async () => {
      const refused = await host.tryRun(['docker', 'pull', `${REGISTRY}/team/none:v1`]);
      assert.match(refused.stderr, /certificate signed by unknown authority|failed to verify certificate/);
      const podman = `
stackyard_login 'podman' do
  registry '${REGISTRY}'
  username 'web'
  password_file '${ROBOT_FILE}'
  engine 'podman'
end`;
      await watch.changesOnce(CLIENT_RECIPE + podman);
      for (const program of ['docker', 'podman']) {
        const { stderr } = await host.tryRun([program, 'pull', `${REGISTRY}/team/none:v1`]);
        assert.match(stderr, /manifest unknown|not found|name unknown|unknown/i, program);
        assert.doesNotMatch(stderr, /x509|unauthorized|denied|certificate/i, program);
      }
      assert.equal(await host.mode(DOCKER_LOGIN), '0600');
      assert.equal(await host.mode('/root/.config/containers/auth.json'), '0600');
    });

    it('have containerd read hosts.toml', async () => {
      const { stdout } = await host.run('containerd', 'config', 'dump');
      assert.match(stdout, /config_path = "\/etc\/containerd\/certs\.d"/);
      const hosts = await host.read(`/etc/containerd/certs.d/${REGISTRY}/hosts.toml`);
      assert.match(hosts, new RegExp(`https://${REGISTRY}`));
    });

    it('keep what else is in the login file', async () => {
      const file = JSON.parse(await host.read(DOCKER_LOGIN)) as { auths: Record<string, object> };
      const other = { auths: { ...file.auths, 'other.example': { auth: 'eDp5' } }, detachKeys: 'ctrl-q' };
      await host.write(DOCKER_LOGIN, JSON.stringify(other));
      await watch.changesOnce(`stackyard_login('${REGISTRY}') { action :delete }`);
      const left = { auths: { 'other.example': { auth: 'eDp5' } }, detachKeys: 'ctrl-q' };
      assert.deepEqual(JSON.parse(await host.read(DOCKER_LOGIN)), left);
      await host.run('rm', DOCKER_LOGIN);
    });
  });

  describe('stackyard_mirror', () => {
    it('of docker.io is asked by every engine, without a restart of docker', async () => {
      const before = await since('docker');
      const { output } = await watch.changesOnce(HUB);
      assert.equal(output.match(/reload docker/g)?.length, 1, output);
      assert.equal(await since('docker'), before);
      assert.deepEqual(await dockerMirrors(), [`https://${ROOT_MIRROR}/`]);
      assert.match(await podmanMirrors('docker.io'), new RegExp(`${REGISTRY}/mirror/docker.io`));
      assert.match(await host.read('/etc/containerd/certs.d/docker.io/hosts.toml'), /mirror\.crt|ca = /);
    });

    it('lets every engine pull what is private by its digest, and what is mirrored, also when its upstream is gone', async () => {
      await watch.changesOnce(CLIENT_RECIPE);
      const name = await pushImage(host, 'v1', 'sleep 1');
      await pushImage(host, 'v1', 'sleep 2', `${UPSTREAM}/library/app`);
      const robot = (await host.read(ROBOT_FILE)).trim();
      const ctr = 'ctr images pull --snapshotter native --hosts-dir /etc/containerd/certs.d';
      // ctr reads no file of logins.
      const pulls = [`docker pull ${name}`, `podman pull ${name}`, `${ctr} --user "web:${robot}" ${name}`];
      const mirrored = [
        'docker pull app:v1',
        'podman pull docker.io/library/app:v1',
        `${ctr} docker.io/library/app:v1`,
      ];
      for (const pull of [...pulls, ...mirrored]) await host.run('sh', '-c', pull);
      await host.run('systemctl', 'stop', UPSTREAM_SERVICE);
      await host.run('docker', 'rmi', 'app:v1');
      await host.run('podman', 'rmi', 'docker.io/library/app:v1');
      await host.run('ctr', 'images', 'rm', '--sync', 'docker.io/library/app:v1');
      for (const pull of mirrored) await host.run('sh', '-c', pull);
    });

    it('comes back where docker was told otherwise', async () => {
      await host.write(DAEMON_JSON, '{"debug": true, "registry-mirrors": []}', 0o644);
      await host.run('systemctl', 'reload', 'docker');
      await watch.changesOnce(HUB);
      assert.deepEqual(await dockerMirrors(), [`https://${ROOT_MIRROR}/`]);
      assert.equal((JSON.parse(await host.read(DAEMON_JSON)) as { debug: boolean }).debug, true);
    });

    it('of another upstream is for containerd and podman', async () => {
      await watch.changesOnce(QUAY);
      assert.match(await podmanMirrors('quay.io'), new RegExp(`${REGISTRY}/mirror/quay.io`));
    });

    it('goes, and stays away', async () => {
      await watch.changesOnce(
        HUB.replace(/\nend$/, '\n  action :delete\nend') + QUAY.replace(/\nend$/, '\n  action :delete\nend'),
      );
      assert.deepEqual(await dockerMirrors(), []);
      assert.doesNotMatch(await podmanMirrors('docker.io'), /mirror\/docker/);
    });
  });

  describe('what cannot be', () => {
    const refuses = async (text: string, reason: RegExp, path: string): Promise<void> => {
      const read = async (): Promise<string> => ((await host.exists(path)) ? host.read(path) : 'none');
      const before = await read();
      const { code, failure, updated, output } = await watch.converge(text);
      assert.deepEqual([code, updated], [1, 0], output);
      assert.match(failure ?? '', reason);
      assert.equal(await read(), before);
    };

    it('a mirror of quay.io for docker is refused', async () => {
      const recipe = mirrorRecipe('quay.io', `engines %w[docker]\n  docker_mirror 'https://${ROOT_MIRROR}'`);
      await refuses(recipe, /registry-mirrors serves docker\.io only/, DAEMON_JSON);
    });

    it('a mirror beside dockerd’s own flag is refused', async () => {
      await host.write(DOCKER_DEFAULTS, 'DOCKER_OPTS="--registry-mirror=https://hub.example"\n', 0o644);
      await refuses(HUB, /started with --registry-mirror/, DAEMON_JSON);
      await host.run('rm', DOCKER_DEFAULTS);
    });

    it('a mirror in a daemon.json that is none is refused', async () => {
      await host.write(DAEMON_JSON, '{"debug": tru', 0o644);
      await refuses(HUB, /daemon\.json/, DAEMON_JSON);
      await host.run('rm', DAEMON_JSON);
    });

    it('a login that a credsStore would hide is refused', async () => {
      await host.write(DOCKER_LOGIN, '{"credsStore": "pass"}');
      const recipe = CLIENT_RECIPE.slice(CLIENT_RECIPE.indexOf('stackyard_login'));
      await refuses(recipe, /credsStore is set/, DOCKER_LOGIN);
    });
  });

  describe('stackyard_trust', () => {
    it('goes, and stays away', async () => {
      await watch.changesOnce(`stackyard_trust('${REGISTRY}') { action :delete }`);
      assert.equal(await host.exists(`/etc/docker/certs.d/${REGISTRY}/ca.crt`), false);
    });
  });

  describe('secrets', () => {
    it('were never shown', async () => {
      const robot = (await host.read(ROBOT_FILE)).trim();
      const encoded = Buffer.from(`web:${robot}`).toString('base64');
      for (const secret of [SECRETS.admin, robot, encoded])
        assert.ok(!watch.text().includes(secret), 'a secret was shown');
    });
  });
});
