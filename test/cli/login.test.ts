import assert from 'node:assert/strict';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Profiles } from '../../src/composition/profiles.js';
import { openRemoteAdmin } from '../../src/composition/remote-admin.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import type { AdminServer } from './admin-server.js';
import { AdminWorld, type GivenWorld, type Told } from './admin-world.js';

const PASSWORD = 'correct horse';

describe('stackyard login', function () {
  this.timeout(20_000);
  let world: AdminWorld;
  let server: AdminServer;
  let home: TemporaryDirectory;
  let profiles: Profiles;
  let token: string;

  before(async () => {
    world = await AdminWorld.open();
    await world.stackyard('user create root --admin --password-stdin', { input: PASSWORD });
    await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
    token = (await world.json<{ secret: string }>('token create root')).secret;
    server = await world.serve();
  });
  after(async () => {
    await server.close();
    await world.remove();
  });
  beforeEach(async () => {
    home = await temporaryDirectory('login');
    profiles = new Profiles(join(home.path, 'profiles.json'));
  });
  afterEach(() => home.remove());

  const warned: string[] = [];
  const stackyard = async (line: string, given: GivenWorld = {}): Promise<Told> => {
    const told = await world.stackyard(line, {
      ...given,
      context: {
        profiles,
        openAdmin: (target) =>
          'config' in target
            ? assert.fail('a server is meant')
            : openRemoteAdmin(target, {
                env: given.env ?? {},
                profiles,
                warn: (message) => void warned.push(message),
              }),
        ...given.context,
      },
    });
    for (const secret of [PASSWORD, token]) assert.ok(!`${told.out}${told.err}`.includes(secret));
    return told;
  };

  it('keeps a password that the server takes, for the commands that follow', async () => {
    const { url } = server;
    const login = `login ${url}/ --username root --password-stdin`;
    const told = await stackyard(login, { input: PASSWORD });
    assert.deepEqual([told.err, told.code], ['', 0]);
    assert.equal(told.out, `logged in to ${url} as root, an admin; kept in ${profiles.path}\n`);
    assert.equal((await stat(profiles.path)).mode & 0o777, 0o600);
    assert.match((await stackyard(`--server ${url} user list`)).out, /\nroot /);
    assert.match((await stackyard('user list', { context: { server: url } })).out, /\nroot /);
    const me = await stackyard(`whoami --server ${url}`);
    assert.match(me.out, new RegExp(`^root, an admin, to ${url} \\(stackyard \\d+\\.`));
  });

  it('keeps an access token by itself', async () => {
    const { url } = server;
    assert.equal((await stackyard(`login ${url} --token-stdin`, { input: token })).code, 0);
    assert.deepEqual(JSON.parse(await readFile(profiles.path, 'utf8')), {
      profiles: { [url]: { secret: token } },
    });
    const me = JSON.parse((await stackyard(`whoami --json --server ${url}`)).out) as Record<string, unknown>;
    assert.deepEqual([me['name'], me['admin'], typeof me['token']], ['root', true, 'string']);
  });

  it('asks at a terminal, for the secret without echo', async () => {
    const asked: [string, boolean][] = [];
    const ask = async (question: string, options?: { secret: boolean }): Promise<string> => {
      asked.push([question, options?.secret ?? false]);
      return asked.length === 1 ? 'alice' : PASSWORD;
    };
    const told = await stackyard(`login ${server.url}`, { context: { ask } });
    assert.match(told.out, /^logged in to \S+ as alice; kept in /);
    assert.deepEqual(asked, [
      ['User name (empty for an access token by itself): ', false],
      ['Password or access token: ', true],
    ]);
  });

  it('keeps nothing that the server refuses', async () => {
    const told = await stackyard(`login ${server.url} --username root --password-stdin`, {
      input: 'wrong one',
    });
    assert.equal(told.code, 6);
    assert.match(told.err, /^stackyard: http:\S+ refused the login: .*\n$/);
    await assert.rejects(readFile(profiles.path), { code: 'ENOENT' });
  });

  it('is forgotten by logout', async () => {
    const { url } = server;
    await stackyard(`login ${url} --token-stdin`, { input: token });
    assert.equal((await stackyard(`logout ${url}`)).out, `the login for ${url} is forgotten\n`);
    assert.equal((await stackyard(`logout ${url}`)).out, `there was no login for ${url}\n`);
    const told = await stackyard(`user list --server ${url}`);
    assert.equal(told.code, 6);
    assert.match(told.err, /^stackyard: there is no login for \S+: run stackyard login \S+, or set .*\n$/);
  });

  it('gives way to the login of the environment', async () => {
    const { url } = server;
    await stackyard(`login ${url} --username alice --password-stdin`, { input: PASSWORD });
    assert.equal((await stackyard(`user list --server ${url}`)).code, 3);
    const env = { STACKYARD_TOKEN: token };
    assert.equal((await stackyard(`user list --server ${url}`, { env })).code, 0);
    const named = { STACKYARD_USERNAME: 'root', STACKYARD_PASSWORD: PASSWORD };
    assert.equal((await stackyard(`user list --server ${url}`, { env: named })).code, 0);
    for (const wrong of [
      { ...env, ...named },
      { STACKYARD_USERNAME: 'root' },
      { STACKYARD_PASSWORD: PASSWORD },
    ]) {
      const told = await stackyard(`user list --server ${url}`, { env: wrong });
      assert.deepEqual([told.code, told.out], [2, '']);
      assert.match(told.err, /^stackyard: set .*\n$/);
    }
  });

  it('uses the certificates of a kept login with a login of the environment', async () => {
    const { url } = server;
    const env = { STACKYARD_TOKEN: token };
    await profiles.save(url, { secret: 'another', ca: '/no/such.pem' });
    const told = await stackyard(`user list --server ${url}`, { env });
    assert.deepEqual([told.code, told.out], [2, '']);
    assert.match(told.err, /\/no\/such\.pem cannot be read \(ENOENT\)/);
    await chmod(profiles.path, 0o644);
    warned.length = 0;
    assert.equal((await stackyard(`user list --server ${url}`, { env })).code, 0);
    assert.match(warned[0] ?? '', /may be read by others; run chmod 600/);
  });

  it('warns where the login can be read on the way', async () => {
    warned.length = 0;
    const env = { STACKYARD_TOKEN: token };
    const context = { server: 'http://registry.invalid:1' };
    const told = await stackyard('whoami', { env, context });
    assert.equal(told.code, 7);
    assert.deepEqual(warned, [
      'http://registry.invalid:1 is not https: whoever is on the way can read the login',
    ]);
  });

  it('refuses what cannot be meant', async () => {
    const { url } = server;
    for (const [line, err] of [
      [`login ${url}`, /^stackyard: there is no terminal to ask at: give --token-stdin, or .*\n$/],
      [`login ${url} --password-stdin`, /^stackyard: --password-stdin goes with --username\n$/],
      [`login ${url} --password-stdin --token-stdin`, /^stackyard: give --password-stdin or --token-stdin/],
      [`login ${url} --token-stdin`, /^stackyard: there is no secret: the line is empty\n$/],
      [`login root:${PASSWORD.split(' ')[0]}@x`, /^stackyard: a server is given by its URL, such as .*\n$/],
      [
        `user list --server ${url} --config a.yaml`,
        /^stackyard: give --server for a server, or --config .*\n$/,
      ],
      ['user list --ca ca.pem', /^stackyard: --ca goes with --server\n$/],
      [
        `user list --server ${url} --ca /no/such.pem`,
        /^stackyard: --ca: \/no\/such\.pem cannot be read \(ENOENT\)/,
      ],
      [`--server ${url} serve`, /^stackyard: serve takes no --server\n$/],
      [`doctor --server ${url}`, /^stackyard: doctor takes no --server\n$/],
    ] as const) {
      const told = await stackyard(line, { input: '' });
      assert.deepEqual([told.code, told.out], [2, ''], line);
      assert.match(told.err, err);
    }
  });
});
