import assert from 'node:assert/strict';
import { AdminWorld, WAYS } from './admin-world.js';

const DAY = 86_400_000;

for (const way of WAYS)
  describe(`stackyard grant [${way}]`, function () {
    this.timeout(10_000);
    let world: AdminWorld;
    beforeEach(async () => {
      world = await AdminWorld.open(way);
      await world.stackyard('user create alice');
      await world.stackyard('robot create ci');
    });
    afterEach(() => world.remove());

    it('adds, lists and removes', async () => {
      const added = await world.stackyard('grant add user:alice team/** pull,push');
      assert.deepEqual(added, { out: 'user alice may pull,push in team/**\n', err: '', code: 0 });
      await world.stackyard('grant add user:alice team/** pull,push');
      assert.equal((await world.stackyard('grant add group:dev dev/* *')).err, '');
      assert.equal((await world.stackyard('grant add role:member shared/** pull')).err, '');
      const [held] = await world.json<{ id: string }[]>('grant list user:alice');
      assert.deepEqual(held, {
        id: held?.id,
        grantee: 'user:alice',
        repositories: 'team/**',
        actions: ['pull', 'push'],
      });
      assert.equal((await world.json<unknown[]>('grant list')).length, 3);
      const { out } = await world.stackyard('grant list group:dev');
      assert.equal(out, 'grantee    repositories  actions\ngroup:dev  dev/*         pull,push,delete\n');
      assert.equal((await world.stackyard('grant remove group:dev dev/* *')).code, 0);
      assert.deepEqual(await world.json('grant list group:dev'), []);
    });

    it('notes a user who may come from elsewhere', async () => {
      const { code, err } = await world.stackyard('grant add user:bob@corp team/** pull');
      assert.equal(code, 0);
      assert.match(err, /^stackyard: the store has no user bob@corp; .*\n$/);
      const [held] = await world.json<{ grantee: string; actions: string[] }[]>('grant list user:bob@corp');
      assert.deepEqual([held?.grantee, held?.actions], ['user:bob@corp', ['pull']]);
    });

    it('refuses in one line', async () => {
      await world.stackyard('grant add user:alice team/** pull,push');
      for (const [line, code, err] of [
        ['grant add robot:cd team/** pull', 4, /^stackyard: there is no robot cd\n$/],
        ['grant add robot:alice team/** pull', 4, /^stackyard: alice is a user, not a robot\n$/],
        ['grant add user:ci team/** pull', 4, /^stackyard: ci is a robot, not a user\n$/],
        [
          'grant remove user:alice team/** pull',
          4,
          /^stackyard: user:alice has no grant of pull on .* it has pull,push there\n$/,
        ],
        ['grant remove group:dev x pull', 4, /^stackyard: group:dev has no grant of pull on x\n$/],
        ['grant add alice team/** pull', 2, /^stackyard: 'alice' names nobody: .*\n$/],
        ['grant add user:alice Team pull', 2, /^stackyard: 'Team' is no repository pattern: .*\n$/],
        ['grant add user:alice team all', 2, /^stackyard: 'all' is no action: .*\n$/],
        ['grant list nobody', 2, /^stackyard: 'nobody' names nobody: .*\n$/],
      ] as const) {
        const told = await world.stackyard(line);
        assert.deepEqual([told.code, told.out], [code, ''], line);
        assert.match(told.err, err);
      }
      assert.equal((await world.json<unknown[]>('grant list')).length, 1);
    });
  });

for (const way of WAYS)
  describe(`stackyard policy explain [${way}]`, function () {
    this.timeout(10_000);
    const env = {
      STACKYARD_AUTH_ANONYMOUS_PULL: 'public/**',
      STACKYARD_AUTH_PERSONAL_NAMESPACES: 'users/{name}/**',
    };
    let world: AdminWorld;
    before(async () => {
      world = await AdminWorld.open(way);
      await world.stackyard('user create alice --group dev');
      await world.stackyard('user create root --admin');
      await world.stackyard('user create gone');
      await world.stackyard('user disable gone');
      await world.stackyard('robot create ci --grant team/**:pull,push');
      await world.stackyard('grant add group:dev dev/** pull');
      await world.stackyard('grant add user:bob@corp team/** pull');
    });
    after(() => world.remove());

    it('tells what allows it, with exit code 0', async () => {
      for (const [asked, out] of [
        ['ci team/a push', 'robot:ci has the grant of pull,push on team/**'],
        ['robot:ci team/a pull', 'robot:ci has the grant of pull,push on team/**'],
        ['alice dev/a pull', 'group:dev has the grant of pull on dev/**'],
        ['group:dev dev/a pull', 'group:dev has the grant of pull on dev/**'],
        ['root any/where delete', 'an admin may do everything'],
        ['alice users/alice/app push', 'users/alice/** is its personal namespace (auth.personalNamespaces)'],
        ['anonymous public/a pull', 'everybody may pull from public/** (auth.anonymousPull)'],
        ['role:none public/a pull', 'everybody may pull from public/** (auth.anonymousPull)'],
      ] as const) {
        const told = await world.stackyard(`policy explain ${asked}`, { env });
        assert.deepEqual(told, { out: `allowed: ${out}\n`, err: '', code: 0 }, asked);
      }
    });

    it('tells what denies it, with exit code 3', async () => {
      for (const [asked, out] of [
        ['anonymous team/a pull', 'no grant allows it'],
        ['anonymous public/a push', 'no grant allows it'],
        ['ci team/a delete', 'no grant allows it'],
        ['ci users/ci/app push', 'no grant allows it'],
        ['gone public/a pull', 'it is disabled'],
        ['role:dev dev/a pull', 'no grant allows it'],
      ] as const) {
        const told = await world.stackyard(`policy explain ${asked}`, { env });
        assert.deepEqual(told, { out: `denied: ${out}\n`, err: '', code: 3 }, asked);
      }
    });

    it('prints JSON', async () => {
      assert.deepEqual(await world.json('policy explain alice dev/a pull', env), {
        who: 'alice',
        repository: 'dev/a',
        action: 'pull',
        allowed: true,
        by: 'grant',
        grantee: 'group:dev',
        grant: { repositories: 'dev/**', actions: ['pull'] },
      });
      const denied = await world.stackyard('policy explain gone dev/a pull --json', { env });
      assert.deepEqual(JSON.parse(denied.out), {
        who: 'gone',
        repository: 'dev/a',
        action: 'pull',
        allowed: false,
        by: 'disabled',
      });
      assert.equal(denied.code, 3);
    });

    it('says what it cannot know', async () => {
      const stranger = await world.stackyard('policy explain bob@corp team/a pull', { env });
      assert.equal(stranger.code, 0);
      assert.match(
        stranger.err,
        /^stackyard: there is no user or robot bob@corp here; only its own grants are known\n$/,
      );
      const open = await world.stackyard('policy explain ci x pull', {
        env: { STACKYARD_AUTH_MODE: 'none' },
      });
      assert.equal(open.code, 3);
      if (way === 'local') assert.match(open.err, /^stackyard: auth\.mode is none: .*\n$/);
    });

    it('refuses in one line: 4 for whom there is not, 2 for a wrong argument', async () => {
      for (const [asked, code, err] of [
        ['robot:cd x pull', 4, /^stackyard: there is no robot cd\n$/],
        ['user:ci x pull', 4, /^stackyard: ci is a robot, not a user\n$/],
        ['ci X pull', 2, /^stackyard: a repository name is made of .*\n$/],
        ['ci x pull,push', 2, /^stackyard: 'pull,push' is not one action: .*\n$/],
        ['ci x run', 2, /^stackyard: 'run' is no action: .*\n$/],
        ['who:ci x pull', 2, /^stackyard: 'who:ci' names nobody: .*\n$/],
      ] as const) {
        const told = await world.stackyard(`policy explain ${asked}`, { env });
        assert.deepEqual([told.code, told.out], [code, ''], asked);
        assert.match(told.err, err);
      }
      assert.match((await world.stackyard('policy explain --help')).out, /Exit codes: 0 allowed, 3 denied; /);
    });
  });

for (const way of WAYS)
  describe(`stackyard key [${way}]`, function () {
    this.timeout(10_000);
    it('rotates, lists, and removes what nothing needs any more', async () => {
      const world = await AdminWorld.open(way);
      try {
        const first = await world.json<{ created: string; removed: string[] }>('key rotate');
        assert.deepEqual(first.removed, []);
        world.clock.advance(1000);
        const told = await world.stackyard('key rotate');
        assert.match(told.out, /^\S{43} signs from now on; removed 0 older keys\n$/);
        const keys = await world.json<{ id: string; signs: boolean; neededUntil?: string }[]>('key list');
        assert.deepEqual(
          keys.map(({ signs }) => signs),
          [true, false],
        );
        assert.equal(keys[1]?.id, first.created);
        assert.ok(Date.parse(keys[1]?.neededUntil ?? '') >= world.clock.now() + 90 * DAY);
        assert.match(
          (await world.stackyard('key list')).out,
          /^id .*\n\S+ {2}\S+ {2}signs\n\S+ {2}\S+ {2}verifies until \S+Z\n$/,
        );
        world.clock.advance(1000);
        const now = await world.json<{ created: string; removed: string[] }>('key rotate --now');
        assert.deepEqual(
          now.removed,
          keys.map(({ id }) => id),
        );
        assert.equal((await world.json<unknown[]>('key list')).length, 1);
      } finally {
        await world.remove();
      }
    });
  });
