import assert from 'node:assert/strict';
import { AdminWorld, WAYS } from './admin-world.js';

const DAY = 86_400_000;
const PASSWORD = 'correct horse';

for (const way of WAYS)
  describe(`stackyard user [${way}]`, function () {
    this.timeout(10_000);
    let world: AdminWorld;
    beforeEach(async () => {
      world = await AdminWorld.open(way);
    });
    afterEach(() => world.remove());

    it('makes a user with the password of the standard input, which is kept nowhere', async () => {
      const told = await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
      assert.deepEqual(told, { out: 'made the user alice\n', err: '', code: 0 });
      assert.equal((await world.login('alice', PASSWORD))?.subject, 'alice');
      assert.equal(await world.login('alice', 'another one'), undefined);
      assert.deepEqual(await world.filesWith(PASSWORD), []);
    });

    it('makes a password where none is given, and shows it once', async () => {
      const { out, err, code } = await world.stackyard('user create alice');
      assert.deepEqual([err, code], ['', 0]);
      const [, password = ''] =
        /^made the user alice\npassword \(shown only once\): (\S{20})\n$/.exec(out) ?? [];
      assert.ok(await world.login('alice', password));
      assert.deepEqual(await world.filesWith(password), []);
      const bob = await world.json<{ name: string; password: string }>('user create bob');
      assert.deepEqual(Object.keys(bob), ['name', 'createdAt', 'admin', 'groups', 'disabled', 'password']);
      assert.ok(await world.login('bob', bob.password));
      assert.ok(!(await world.stackyard('user list --json')).out.includes(bob.password));
    });

    it('lists users with what they are', async () => {
      await world.stackyard('user create bob --admin --group dev --group ops --group dev');
      await world.stackyard('user create alice');
      await world.stackyard('robot create ci');
      await world.stackyard('user disable alice');
      const users = await world.json<{ createdAt: string }[]>('user list');
      const createdAt = new Date(world.clock.now()).toISOString();
      assert.deepEqual(users, [
        { name: 'alice', createdAt, admin: false, groups: [], disabled: true },
        { name: 'bob', createdAt, admin: true, groups: ['dev', 'ops'], disabled: false },
      ]);
      const { out } = await world.stackyard('user list');
      assert.match(
        out,
        /^name {3}created {15}admin {2}login {5}groups\nalice {2}\S{20} {2}- {6}disabled {2}-\nbob /,
      );
    });

    it('changes passwords, groups and who is admin', async () => {
      await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
      await world.stackyard('user passwd alice --password-stdin', { input: 'battery staple' });
      assert.equal(await world.login('alice', PASSWORD), undefined);
      const told = await world.stackyard('user groups alice dev ops');
      assert.equal(told.out, 'alice is in dev, ops\n');
      await world.stackyard('user admin alice on');
      const alice = await world.login('alice', 'battery staple');
      assert.deepEqual(
        alice?.grantees.map(({ kind, name }) => `${kind}:${name}`),
        ['user:alice', 'group:dev', 'group:ops'],
      );
      assert.equal(alice?.implied.length, 1);
      await world.stackyard('user admin alice off');
      assert.equal((await world.stackyard('user groups alice')).out, 'alice is in no group\n');
      const now = await world.login('alice', 'battery staple');
      assert.deepEqual([now?.implied, now?.grantees.length], [[], 1]);
      const { password } = await world.json<{ password: string }>('user passwd alice');
      assert.ok(await world.login('alice', password));
    });

    it('disables and enables, and deletes with tokens and grants', async () => {
      await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
      const { secret } = await world.json<{ secret: string }>('token create alice');
      await world.stackyard('grant add user:alice team/** pull');
      await world.stackyard('user disable alice');
      assert.equal(await world.login('alice', PASSWORD), undefined);
      assert.equal(await world.login('alice', secret), undefined);
      await world.stackyard('user enable alice');
      assert.ok(await world.login('alice', PASSWORD));
      assert.ok(await world.login('alice', secret));
      assert.equal((await world.stackyard('user delete alice')).out, 'the user alice is deleted\n');
      await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
      assert.equal(await world.login('alice', secret), undefined);
      assert.deepEqual(await world.json('token list'), []);
      assert.deepEqual(await world.json('grant list'), []);
    });

    it('refuses in one line, with an exit code for each kind of failure', async () => {
      await world.stackyard('user create alice --password-stdin', { input: PASSWORD });
      await world.stackyard('robot create ci');
      for (const [line, code, err, input] of [
        ['user create alice', 5, /^stackyard: there is a user alice already\n$/],
        ['user create ci', 5, /^stackyard: there is a robot ci already\n$/],
        ['robot create alice', 5, /^stackyard: there is a user alice already\n$/],
        ['user passwd bob --password-stdin', 4, /^stackyard: there is no user bob\n$/, PASSWORD],
        ['user passwd ci --password-stdin', 4, /^stackyard: ci is a robot, not a user\n$/, PASSWORD],
        ['user delete ci', 4, /^stackyard: ci is a robot, not a user\n$/],
        ['user admin ci on', 4, /^stackyard: ci is a robot, not a user\n$/],
        ['robot disable alice', 4, /^stackyard: alice is a user, not a robot\n$/],
        ['user create bob --password-stdin', 2, /^stackyard: a password has at least 8 .*\n$/, 'short'],
        ['user create bob --password-stdin', 2, /^stackyard: a password has .* 72 bytes\n$/, 'é'.repeat(37)],
        ['user create bob --password-stdin', 2, /^stackyard: there is no password on the .*\n$/, ''],
        ['user create a/b', 2, /^stackyard: 'a\/b' is no name: .*\n$/],
        ['user create bob --group a:b', 2, /^stackyard: 'a:b' is no name: .*\n$/],
        ['user admin alice maybe', 2, /^stackyard: 'maybe' is neither on nor off\n$/],
        ['user create', 2, /^stackyard: missing required argument 'name'\n$/],
        ['user create bob secret', 2, /^stackyard: too many arguments.*\n$/],
      ] as const) {
        const told = await world.stackyard(line, input === undefined ? {} : { input });
        assert.deepEqual([told.code, told.out], [code, ''], line);
        assert.match(told.err, err);
      }
      assert.equal((await world.json<unknown[]>('user list')).length, 1);
    });
  });

for (const way of WAYS)
  describe(`stackyard robot [${way}]`, function () {
    this.timeout(10_000);
    let world: AdminWorld;
    beforeEach(async () => {
      world = await AdminWorld.open(way);
    });
    afterEach(() => world.remove());

    it('makes robot, grants and access token in one line, and tells how to log in', async () => {
      const { out, err, code } = await world.stackyard(
        'robot create ci --grant team/**:pull,push --grant base:pull --expires 90d',
      );
      assert.deepEqual([err, code], ['', 0]);
      assert.match(out, /^made the robot ci with the access token [a-z0-9]{26}, which expires 2\S+Z\n/);
      assert.match(out, /\nlog in: docker login -u ci --password-stdin REGISTRY, /);
      const [secret = '', ...more] = out.match(/sy_[\w-]+/g) ?? [];
      assert.deepEqual(more, []);
      assert.deepEqual(await world.filesWith(secret), []);
      assert.equal((await world.login('ci', secret))?.subject, 'ci');
      assert.equal(await world.login('alice', secret), undefined);
      assert.deepEqual(
        (await world.json<{ repositories: string; actions: string[] }[]>('grant list robot:ci'))
          .map(({ repositories, actions }) => `${repositories} ${actions.join(',')}`)
          .sort(),
        ['base pull', 'team/** pull,push'],
      );
      world.clock.advance(91 * DAY);
      assert.equal(await world.login('ci', secret), undefined);
    });

    it('prints name, id, secret and expiry as JSON', async () => {
      const forever = await world.json<{ name: string; id: string; secret: string }>('robot create ci');
      assert.deepEqual(Object.keys(forever), ['name', 'id', 'secret']);
      assert.match(forever.secret, new RegExp(`^sy_${forever.id}_`));
      const { expiresAt } = await world.json<{ expiresAt: string }>('robot create cd --expires 1d');
      assert.equal(Date.parse(expiresAt), world.clock.now() + DAY);
    });

    it('lists, disables, enables and deletes', async () => {
      const { secret } = await world.json<{ secret: string }>('robot create ci --grant team/**:*');
      await world.stackyard('robot disable ci');
      const createdAt = new Date(world.clock.now()).toISOString();
      assert.deepEqual(await world.json('robot list'), [{ name: 'ci', createdAt, disabled: true }]);
      assert.match((await world.stackyard('robot list')).out, /^name .*\nci {4}\S{20} {2}disabled\n$/);
      assert.equal(await world.login('ci', secret), undefined);
      await world.stackyard('robot enable ci');
      assert.ok(await world.login('ci', secret));
      await world.stackyard('robot delete ci');
      assert.deepEqual(await world.json('robot list'), []);
      const outsideTheAudit = (await world.filesWith('team/**')).filter((file) => !file.includes('/audit/'));
      assert.deepEqual(outsideTheAudit, []);
      assert.deepEqual(await world.filesWith('"owner":"ci"'), []);
    });

    it('makes nothing where an argument is wrong', async () => {
      for (const [line, err] of [
        ['--grant team', /^stackyard: 'team' is no PATTERN:ACTIONS, such as .*\n$/],
        ['--grant Team/**:pull', /^stackyard: 'Team\/\*\*' is no repository pattern: .*\n$/],
        ['--grant team/**:pul', /^stackyard: 'pul' is no action: .*\n$/],
        ['--expires 90', /^stackyard: option '--expires <age>' argument '90' is invalid\. .*\n$/],
        ['--expires 0d', /^stackyard: option '--expires <age>' argument '0d' is invalid\. .*\n$/],
      ] as const) {
        const told = await world.stackyard(`robot create ci ${line}`);
        assert.deepEqual([told.code, told.out], [2, ''], line);
        assert.match(told.err, err);
      }
      assert.equal((await world.stackyard('robot create ci --expires 99999999d')).code, 2);
      assert.deepEqual(await world.json('robot list'), []);
    });
  });
