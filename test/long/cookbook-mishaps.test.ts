import assert from 'node:assert/strict';
import { startChefHost, type ChefHost } from '../support/chef/host.js';
import {
  ADDRESS,
  CA,
  CLIENT_RECIPE,
  provideRegistry,
  pushImage,
  REGISTRY,
  ROBOT_FILE,
  serverRecipe,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';

const DAEMON_JSON = '/etc/docker/daemon.json';
const FOREIGN = 'foreign-token-4711';

const appRecipe = (image: string, properties = ''): string => `
stackyard_container 'app' do
  image '${image}'
  stop_timeout 1
  settle 1
  ${properties}
end`;

describe('the cookbook: mishaps', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;
  let good: string;
  let ends: string;

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
    await host.run('systemctl', 'start', 'docker');
    await watch.changesOnce(serverRecipe() + CLIENT_RECIPE);
    good = await pushImage(host, 'good', 'exec sleep 1000');
    ends = await pushImage(host, 'ends', 'exit 3');
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  const containers = async (): Promise<string> =>
    (await host.run('docker', 'ps', '--all', '--format', '{{.Names}} {{.State}}')).stdout;

  describe('of stackyard_container', () => {
    it('a first container that ends again and again fails each converge', async () => {
      await watch.fails(appRecipe(ends), /app: ended .* within 1 s/);
      await watch.fails(appRecipe(ends), /app: ended .* within 1 s/);
      await watch.changesOnce(appRecipe(good));
    });

    it('what was put aside when a converge was ended comes back', async () => {
      await host.run('docker', 'stop', '-t', '1', 'app');
      await host.run('docker', 'rename', 'app', 'app-before');
      await watch.changesOnce(appRecipe(good));
      assert.equal(await containers(), 'app running\n');
    });

    it('the one put aside comes back beside a successor that fails', async () => {
      await host.run('docker', 'stop', '-t', '1', 'app');
      await host.run('docker', 'rename', 'app', 'app-before');
      await host.tryRun([
        'docker',
        'run',
        '--detach',
        '--name',
        'app',
        '--label',
        'stackyard.declaration=x',
        ends,
      ]);
      await watch.fails(appRecipe(ends), /app: ended .* within 1 s/);
      assert.equal(await containers(), 'app running\n');
      assert.equal(
        (await host.run('docker', 'inspect', '--format', '{{.Config.Image}}', 'app')).stdout,
        `${good}\n`,
      );
    });

    it('what a container said before it ended is told, in any script', async () => {
      const image = await pushImage(host, 'says', 'echo "keine Lust, größer 大"; exit 3');
      await watch.fails(appRecipe(image), /app: ended .* within 1 s \(keine Lust, größer 大\)/);
    });

    it('a stranger of the name that it puts aside stays', async () => {
      await host.run('docker', 'run', '--detach', '--name', 'app-before', good);
      await watch.fails(
        appRecipe(good, "ports ['127.0.0.1:1234:80']"),
        /app-before: there is one that .* did not make/,
      );
      await host.run('docker', 'rm', '--force', 'app-before');
    });

    it('what docker says of a wrong option is told', async () => {
      await watch.fails(appRecipe(good, "network 'none-of-that-name'"), /none-of-that-name/);
      assert.equal(await containers(), 'app running\n');
    });

    it('podman has its own login', async () => {
      const recipe = `
stackyard_login '${REGISTRY}' do
  username 'web'
  password_file '${ROBOT_FILE}'
  engine 'podman'
end
stackyard_image '${good}' do
  engine 'podman'
end`;
      const storage = ['driver = "vfs"', 'runroot = "/run/podman"', 'graphroot = "/var/lib/podman"'];
      await host.write('/etc/containers/storage.conf', `[storage]\n${storage.join('\n')}\n`, 0o644);
      await host.run('mv', '/root/.docker', '/root/.docker-away');
      await watch.changesOnce(recipe);
      await host.run('mv', '/root/.docker-away', '/root/.docker');
    });
  });

  describe('of files', () => {
    it('what others wrote into daemon.json stays as closed as it was, and is not shown', async () => {
      await host.write(DAEMON_JSON, JSON.stringify({ 'log-opts': { 'splunk-token': FOREIGN } }), 0o600);
      const { output } = await watch.changesOnce(`
stackyard_trust '${REGISTRY}' do
  http true
end`);
      assert.equal(await host.mode(DAEMON_JSON), '0600');
      assert.match(await host.read(DAEMON_JSON), new RegExp(FOREIGN));
      assert.ok(!output.includes(FOREIGN));
      assert.match((await host.run('docker', 'info')).stdout, new RegExp(REGISTRY));
    });

    it('a certificate ends plain HTTP', async () => {
      await watch.changesOnce(`
stackyard_trust '${REGISTRY}' do
  ca_file '${CA}'
end`);
      assert.doesNotMatch((await host.run('docker', 'info')).stdout, new RegExp(`^ *${REGISTRY}`, 'm'));
    });

    it('a link that a user planted leads root nowhere', async () => {
      await host.run('useradd', '--create-home', 'mallory');
      await host.write('/root/victim.json', '{}', 0o600);
      const plant = 'mkdir .docker && ln -s /root/victim.json .docker/config.json';
      await host.run('runuser', '-u', 'mallory', '--', 'sh', '-c', `cd ~mallory && ${plant}`);
      const recipe = `
stackyard_login '${REGISTRY}' do
  username 'web'
  password_file '${ROBOT_FILE}'
  user 'mallory'
end`;
      await watch.changesOnce(recipe);
      assert.equal(await host.read('/root/victim.json'), '{}');
      const { stdout } = await host.run('stat', '-c', '%U %a %F', '/home/mallory/.docker/config.json');
      assert.equal(stdout, 'mallory 600 regular file\n');
    });
  });

  describe('of stackyard_server', () => {
    const mainPid = async (): Promise<string> =>
      (await host.run('systemctl', 'show', '--property=MainPID', '--value', 'stackyard')).stdout;

    it('a converge that was ended before the restart is made good', async () => {
      const before = await mainPid();
      await host.run('touch', '/etc/stackyard/stackyard.yaml');
      await watch.changesOnce(serverRecipe());
      assert.notEqual(await mainPid(), before);
    });

    it('a certificate with the key of another is refused before anything is touched', async () => {
      const before = await mainPid();
      const mixed = serverRecipe().replace('first.key', 'second.key');
      await watch.fails(mixed, /key of another certificate/);
      assert.equal(await mainPid(), before);
    });
  });

  it('show no secret', async () => {
    const robot = (await host.read(ROBOT_FILE)).trim();
    for (const secret of [robot, FOREIGN]) assert.ok(!watch.text().includes(secret), 'a secret was shown');
  });
});
