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
  SECRETS,
  serverRecipe,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

const REPOSITORY = '/srv/bed/app-config.git';
const FOLDER = '/srv/app-config';
const STARTS = 'cat /etc/app/settings; exec sleep 1000';
const GIT = 'git -c user.name=t -c user.email=t@example.invalid';

const appRecipe = (image: string): string => `
node.run_state['environment'] = { 'PASSWORD' => ::File.read('/srv/bed/secrets/user').chomp }

git '${FOLDER}' do
  repository '${REPOSITORY}'
end

stackyard_container 'app' do
  image '${image}'
  config_dir '${FOLDER}'
  environment(lazy { node.run_state['environment'] })
  stop_timeout 1
  settle 1
end`;

describe('the cookbook: stackyard_container', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;
  let first: string;
  let second: string;
  let ends: string;

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
    await host.run('systemctl', 'start', 'docker');
    const work = '/srv/bed/work';
    const commit = `cd ${work} && echo one >settings && git add . && ${GIT} commit --quiet --message=one`;
    await host.run('sh', '-c', `git init --quiet --initial-branch=main ${work} && ${commit}`);
    await host.run('git', 'clone', '--quiet', '--bare', work, REPOSITORY);
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  it('changes nothing of a fresh host where it is only asked why', () =>
    assertWhyRun(host, watch, appRecipe(`${REGISTRY}/team/app@sha256:${'0'.repeat(64)}`)));

  it('gets a registry with images', async () => {
    const { code, output } = await watch.converge(serverRecipe() + CLIENT_RECIPE);
    assert.equal(code, 0, output);
    first = await pushImage(host, 'v1', STARTS);
    second = await pushImage(host, 'v2', `echo second; ${STARTS}`);
    ends = await pushImage(host, 'ends', 'echo the settings are wrong >&2; exit 3');
  });

  const inspect = async (format: string, name = 'app'): Promise<string> =>
    (await host.run('docker', 'inspect', '--format', format, name)).stdout.trim();

  it('runs the image read-only with its configuration from git', async () => {
    await watch.changesOnce(appRecipe(first));
    assert.equal((await host.run('docker', 'exec', 'app', 'cat', '/etc/app/settings')).stdout, 'one\n');
    const facts =
      '{{.HostConfig.ReadonlyRootfs}} {{range .Mounts}}{{.Destination}} {{.RW}}{{end}} {{.Config.Image}}';
    assert.equal(await inspect(facts), `true /etc/app false ${first}`);
    assert.match(await inspect('{{json .Config.Env}}'), new RegExp(`PASSWORD=${SECRETS.user}`));
  });

  it('takes a new commit by another container', async () => {
    const before = await inspect('{{.Id}}');
    const work = '/srv/bed/work';
    const commit = `echo two >settings && ${GIT} commit --quiet --all --message=two && git push --quiet ${REPOSITORY} main`;
    await host.run('sh', '-c', `cd ${work} && ${commit}`);
    await watch.changesOnce(appRecipe(first));
    assert.equal((await host.run('docker', 'exec', 'app', 'cat', '/etc/app/settings')).stdout, 'two\n');
    assert.notEqual(await inspect('{{.Id}}'), before);
  });

  it('starts a container that somebody killed', async () => {
    const before = await inspect('{{.Id}}');
    await host.run('docker', 'kill', 'app');
    await watch.changesOnce(appRecipe(first));
    assert.equal(await inspect('{{.State.Running}} {{.Id}}'), `true ${before}`);
  });

  it('replaces it by another digest', async () => {
    const before = await inspect('{{.Id}}');
    await watch.changesOnce(appRecipe(second));
    assert.notEqual(await inspect('{{.Id}}'), before);
    assert.equal(await inspect('{{.Config.Image}}'), second);
    assert.doesNotMatch((await host.run('docker', 'ps', '--all')).stdout, /app-before/);
  });

  it('keeps the one before where the new one ends at once, and tells why', async () => {
    const before = await inspect('{{.Id}}');
    const { code, failure } = await watch.converge(appRecipe(ends));
    assert.equal(code, 1);
    assert.match(
      failure ?? '',
      /stackyard_container\[app\].*ended (?:with code 3|again and again) .*the settings are wrong/,
    );
    assert.equal(await inspect('{{.State.Running}} {{.Id}}'), `true ${before}`);
    assert.equal((await watch.converged(appRecipe(second))).updated, 0);
  });

  it('refuses one of the name that it did not make', async () => {
    await host.run('docker', 'run', '--detach', '--name', 'foreign', second);
    const before = await inspect('{{.Id}}', 'foreign');
    const recipe = appRecipe(first).replace("stackyard_container 'app'", "stackyard_container 'foreign'");
    const { code, failure } = await watch.converge(recipe);
    assert.equal(code, 1);
    assert.match(failure ?? '', /that this resource did not make/);
    assert.equal(await inspect('{{.State.Running}} {{.Id}}', 'foreign'), `true ${before}`);
    await host.run('docker', 'rm', '--force', 'foreign');
  });

  it('refuses an image without a digest', async () => {
    const { failure } = await watch.converge(appRecipe(`${REGISTRY}/team/app:v1`));
    assert.match(failure ?? '', /names no digest/);
  });

  it('stops, and goes', async () => {
    const recipe = (action: string): string =>
      appRecipe(second).replace(/\nend$/, `\n  action :${action}\nend`);
    await watch.changesOnce(recipe('stop'));
    assert.equal(await inspect('{{.State.Running}}'), 'false');
    await watch.changesOnce(recipe('delete'));
    assert.equal((await host.tryRun(['docker', 'inspect', 'app'])).code, 1);
  });

  it('does all of it by the recipes and attributes', async () => {
    const client = {
      registry: REGISTRY,
      ca_file: CA,
      engines: ['docker', 'podman'],
      login: { username: 'web', password_file: ROBOT_FILE },
      mirrors: [{ upstream: 'docker.io' }, { upstream: 'quay.io', engines: ['podman'] }],
      docker_mirror: `https://${ADDRESS}:5001`,
    };
    const app = { name: 'app', image: first, config_dir: FOLDER, config_repository: REPOSITORY };
    const attributes = { stackyard: { client, app } };
    await watch.changesOnce('', { recipes: ['stackyard::default'], attributes });
    assert.equal(await inspect('{{.State.Running}} {{.Config.Image}}'), `true ${first}`);
  });

  it('showed no secret', async () => {
    const robot = (await host.read(ROBOT_FILE)).trim();
    for (const secret of [...Object.values(SECRETS), robot])
      assert.ok(!watch.text().includes(secret), 'a secret was shown');
  });
});
