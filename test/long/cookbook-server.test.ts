import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startChefHost, type ChefHost, type Converge } from '../support/chef/host.js';
import {
  ADDRESS,
  CA,
  provideRegistry,
  REGISTRY,
  SECRETS,
  SERVER,
  serverRecipe,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

/** Of the configuration. */
const OTHER = "audit: { keep: '30d' }";
const WRONG = "storage: { driver: 'tape' }";

describe('the cookbook: stackyard_server', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  const mainPid = async (): Promise<string> => {
    const { stdout } = await host.run('systemctl', 'show', '--property=MainPID', '--value', 'stackyard');
    return stdout.trim();
  };
  const status = async (): Promise<string> => {
    const args = ['--silent', '--cacert', CA, '--output', '/dev/null', '--write-out', '%{http_code}'];
    return (await host.run('curl', ...args, `${SERVER}/v2/`)).stdout;
  };
  const subject = async (): Promise<string> => {
    const asked = await host.tryRun(['openssl', 's_client', '-connect', REGISTRY], { input: '' });
    return /subject=.*CN = (\w+)/.exec(asked.stdout)?.[1] ?? asked.stdout;
  };
  const restarts = ({ output }: Converge): number =>
    output.match(/: restart service stackyard$/gm)?.length ?? 0;

  it('changes nothing of a fresh host where it is only asked why', () =>
    assertWhyRun(host, watch, serverRecipe()));

  it('serves over TLS, and is left alone by a second converge', async () => {
    const { updated } = await watch.converged(serverRecipe());
    assert.ok(updated > 5, `${updated}`);
    assert.equal(await status(), '401');
    await watch.changesNothing(serverRecipe());
    assert.equal(await host.mode('/etc/stackyard/env'), '0600');
    assert.equal(await host.mode('/etc/stackyard/certificate.key'), '0640');
  });

  it('is started again once where its configuration changed', async () => {
    const before = await mainPid();
    const result = await watch.converged(serverRecipe({ config: OTHER }));
    assert.equal(restarts(result), 1, result.output);
    assert.notEqual(await mainPid(), before);
    assert.equal(await status(), '401');
    await watch.changesNothing(serverRecipe({ config: OTHER }));
  });

  it('refuses a wrong configuration before anything is touched', async () => {
    const before = [await mainPid(), await host.read('/etc/stackyard/stackyard.yaml')];
    const { code, failure, updated } = await watch.converge(serverRecipe({ config: WRONG }));
    assert.deepEqual([code, updated], [1, 0]);
    assert.match(failure ?? '', /^stackyard_server\[registry\]: config: .*storage\.driver/);
    assert.deepEqual([await mainPid(), await host.read('/etc/stackyard/stackyard.yaml')], before);
    assert.equal(await status(), '401');
  });

  it('takes a replaced certificate without a restart', async () => {
    const before = await mainPid();
    const recipe = serverRecipe({ config: OTHER, certificate: 'second' });
    assert.equal(await subject(), 'first');
    await watch.converged(recipe);
    assert.equal(await mainPid(), before);
    for (const deadline = performance.now() + 60_000; (await subject()) !== 'second';) {
      assert.ok(performance.now() < deadline, 'the server still shows the certificate before');
      await delay(200);
    }
    await watch.changesNothing(recipe);
  });

  it('has its command be the server’s user', async () => {
    const { stdout } = await host.run('stackyard', 'user', 'list');
    assert.match(stdout, /\badmin\b/);
  });

  it('is started by a converge where somebody stopped it', async () => {
    await host.run('systemctl', 'stop', 'stackyard');
    const recipe = serverRecipe({ config: OTHER, certificate: 'second' });
    assert.equal((await watch.converged(recipe)).updated, 2);
    assert.equal(await status(), '401');
  });

  it('goes on with the release of a converge that failed after it was there', async () => {
    const recipe = serverRecipe({ certificate: 'second' });
    const repacked = ['mkdir /tmp/other', 'tar -xzf /srv/bed/stackyard.tgz -C /tmp/other'];
    const pack = 'tar -czf /srv/bed/stackyard.tgz -C /tmp/other package';
    await host.run('sh', '-c', [...repacked, 'echo other >/tmp/other/package/OTHER', pack].join(' && '));
    const failed = await watch.converge(serverRecipe({ config: WRONG, certificate: 'second' }));
    assert.match(failed.failure ?? '', /storage\.driver/);
    const before = await mainPid();
    await watch.converged(serverRecipe({ config: OTHER, certificate: 'second' }));
    assert.notEqual(await mainPid(), before, 'the release before still runs');
    assert.equal(await host.read('/opt/stackyard/OTHER'), 'other\n');
    await watch.converged(recipe);
  });

  it('goes, but for its data, and stays away', async () => {
    const recipe = "stackyard_server('registry') { action :delete }";
    assert.ok((await watch.converged(recipe)).updated > 0);
    for (const path of ['/opt/stackyard', '/etc/stackyard/env', '/etc/systemd/system/stackyard.service'])
      assert.equal(await host.exists(path), false, path);
    assert.ok(await host.exists('/var/lib/stackyard/data'));
    assert.equal((await host.tryRun(['systemctl', 'is-active', 'stackyard'])).stdout.trim(), 'inactive');
    await watch.changesNothing(recipe);
  });

  it('showed no secret', async () => {
    const key = await host.read('/srv/bed/tls/first.key');
    for (const secret of [SECRETS.admin, key.split('\n')[1] ?? ''])
      assert.ok(secret.length > 8 && !watch.text().includes(secret), 'a secret was shown');
  });
});
