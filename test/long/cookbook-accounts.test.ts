import assert from 'node:assert/strict';
import { startChefHost, type ChefHost } from '../support/chef/host.js';
import {
  ADDRESS,
  ADMIN_FILE,
  CA,
  provideRegistry,
  SECRETS,
  SERVER,
  serverRecipe,
  USER_FILE,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

const ROBOT_FILE = '/srv/bed/secrets/robot';
const ADMIN_LOGIN = `server '${SERVER}'\n  ca_file '${CA}'\n  admin_password_file '${ADMIN_FILE}'`;

const userRecipe = (properties: string): string => `
stackyard_user 'carol' do
  ${ADMIN_LOGIN}
  ${properties}
end`;

const robotRecipe = (grants: string, properties = `secret_file '${ROBOT_FILE}'`): string => `
stackyard_robot 'web' do
  ${ADMIN_LOGIN}
  grants %w[${grants}]
  ${properties}
end`;

interface Account {
  readonly admin?: boolean;
  readonly groups?: readonly string[];
  readonly disabled?: boolean;
}

interface Items<T> {
  readonly items: readonly T[];
}

describe('the cookbook: accounts', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;
  const secrets: string[] = Object.values(SECRETS);

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  it('change nothing of a fresh host, without a server, where they are only asked why', () => {
    const user = userRecipe(`password_file '${USER_FILE}'\n  grants %w[team/**:pull]`);
    return assertWhyRun(host, watch, serverRecipe() + user + robotRecipe('team/app:pull'));
  });

  it('get a server', async () => {
    const { code, output } = await watch.converge(serverRecipe());
    assert.equal(code, 0, output);
  });

  /** The admin API: its status and what it answered. */
  async function api<T>(
    method: string,
    path: string,
    body?: object,
    login = `admin:${SECRETS.admin}`,
  ): Promise<[number, T]> {
    const url = `${SERVER}/admin/v1${path}`;
    const set = [
      '--silent',
      '--cacert',
      CA,
      '--request',
      method,
      '--header',
      'Content-Type: application/json',
    ];
    const data = body === undefined ? [] : ['--data', JSON.stringify(body)];
    const extra = ['--header', 'If-Match: *', '--write-out', '\n%{http_code}', '--config', '-'];
    const { stdout } = await host.tryRun(['curl', ...set, ...data, ...extra, url], {
      input: `user = "${login}"\n`,
    });
    const [text = '', code] = stdout.split(/\n(?=\d+$)/);
    return [Number(code), (text === '' ? undefined : JSON.parse(text)) as T];
  }
  const grantsOf = async (grantee: string): Promise<readonly string[]> => {
    const [, { items }] = await api<Items<{ repositories: string; actions: readonly string[] }>>(
      'GET',
      `/grants?grantee=${grantee}`,
    );
    return items.map(({ repositories, actions }) => `${repositories}:${actions.join(',')}`).sort();
  };
  const tokensOf = async (owner: string): Promise<number> => {
    const [, { items }] = await api<Items<object>>('GET', `/tokens?owner=${owner}`);
    return items.length;
  };
  const loginOf = async (login: string): Promise<number> => (await api('GET', '/me', undefined, login))[0];

  describe('stackyard_user', () => {
    const whole = `password_file '${USER_FILE}'\n  groups %w[dev ops]\n  grants %w[team/**:pull,push]`;

    it('makes a user who can log in', async () => {
      await watch.changesOnce(userRecipe(whole));
      assert.equal(await loginOf(`carol:${SECRETS.user}`), 200);
      assert.deepEqual(await grantsOf('user:carol'), ['team/**:pull,push']);
    });

    it('brings back grants and groups that were changed by hand', async () => {
      await api('POST', '/grants', { grantee: 'user:carol', repositories: 'other/**', actions: ['delete'] });
      await api('PATCH', '/users/carol', { groups: ['strangers'] });
      await watch.changesOnce(userRecipe(whole));
      assert.deepEqual(await grantsOf('user:carol'), ['team/**:pull,push']);
      const [, user] = await api<Account>('GET', '/users/carol');
      assert.deepEqual([...(user.groups ?? [])].sort(), ['dev', 'ops']);
    });

    it('leaves alone what is not declared', async () => {
      await api('PATCH', '/users/carol', { groups: ['strangers'] });
      const { updated, output } = await watch.converge(userRecipe(''));
      assert.equal(updated, 0, output);
    });

    it('sets another password', async () => {
      const password = `second-${SECRETS.user}`;
      await host.write(USER_FILE, `${password}\n`);
      await watch.changesOnce(userRecipe(whole));
      assert.deepEqual(
        [await loginOf(`carol:${password}`), await loginOf(`carol:${SECRETS.user}`)],
        [200, 401],
      );
    });

    it('disables and enables', async () => {
      await watch.changesOnce(userRecipe('disabled true'));
      assert.equal(await loginOf(`carol:second-${SECRETS.user}`), 401);
      await watch.changesOnce(userRecipe(`${whole}\n  disabled false`));
      assert.equal(await loginOf(`carol:second-${SECRETS.user}`), 200);
    });

    it('goes', async () => {
      await watch.changesOnce(userRecipe('action :delete'));
      assert.equal((await api('GET', '/users/carol'))[0], 404);
    });
  });

  describe('stackyard_robot', () => {
    it('makes a robot, and keeps its secret for root alone', async () => {
      await watch.changesOnce(robotRecipe('team/app:pull mirror/**:pull'));
      assert.equal(await host.mode(ROBOT_FILE), '0600');
      const secret = (await host.read(ROBOT_FILE)).trim();
      secrets.push(secret);
      assert.equal(await loginOf(`web:${secret}`), 200);
      assert.deepEqual(await grantsOf('robot:web'), ['mirror/**:pull', 'team/app:pull']);
    });

    it('makes a new token where the secret was lost, once and again', async () => {
      const tokens = await tokensOf('web');
      await host.run('rm', ROBOT_FILE);
      await watch.changesOnce(robotRecipe('team/app:pull'));
      const second = (await host.read(ROBOT_FILE)).trim();
      await host.run('rm', ROBOT_FILE);
      await watch.changesOnce(robotRecipe('team/app:pull'));
      const third = (await host.read(ROBOT_FILE)).trim();
      secrets.push(second, third);
      assert.deepEqual([await loginOf(`web:${second}`), await loginOf(`web:${third}`)], [401, 200]);
      assert.ok((await tokensOf('web')) <= tokens + 1, 'tokens of this host pile up');
    });

    it('makes a new token where the one there serves no more', async () => {
      await host.write(ROBOT_FILE, 'sy_nonsense\n');
      await watch.changesOnce(robotRecipe('team/app:pull'));
      const secret = (await host.read(ROBOT_FILE)).trim();
      secrets.push(secret);
      assert.equal(await loginOf(`web:${secret}`), 200);
    });

    it('makes a new token where others can read the one there, which they cannot the new one', async () => {
      await host.run('chmod', '0644', ROBOT_FILE);
      await watch.changesOnce(robotRecipe('team/app:pull'));
      const secret = (await host.read(ROBOT_FILE)).trim();
      assert.ok(!secrets.includes(secret), 'the token that others could read is kept');
      secrets.push(secret);
      assert.deepEqual([await host.mode(ROBOT_FILE), await loginOf(`web:${secret}`)], ['0600', 200]);
    });

    it('goes, with its secret', async () => {
      await watch.changesOnce(robotRecipe('team/app:pull', `secret_file '${ROBOT_FILE}'\n  action :delete`));
      assert.deepEqual([(await api('GET', '/robots/web'))[0], await host.exists(ROBOT_FILE)], [404, false]);
    });
  });

  describe('secrets', () => {
    it('that others can read, and wrong ones, are refused without being quoted', async () => {
      await host.run('chmod', '0644', USER_FILE);
      const readable = await watch.converge(userRecipe(`password_file '${USER_FILE}'`));
      assert.match(readable.failure ?? '', /password_file|can be read by others/);
      await host.write('/srv/bed/secrets/wrong', `wrong-${SECRETS.admin}\n`);
      const wrong = await watch.converge(userRecipe('').replace(ADMIN_FILE, '/srv/bed/secrets/wrong'));
      assert.match(wrong.failure ?? '', /was answered 401/);
    });

    it('of another type are refused without being shown', async () => {
      const text = userRecipe(`password ['${SECRETS.user}']`);
      assert.match((await watch.converge(text)).failure ?? '', /password: is no String; give one$/);
    });

    it('were never shown', () => {
      for (const secret of secrets) assert.ok(!watch.text().includes(secret), 'a secret was shown');
    });
  });
});
