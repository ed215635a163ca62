import assert from 'node:assert/strict';
import { AdminWorld, WAYS } from './admin-world.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Within which a server knows of a change. */
const KNOWN = 5001;

interface Issued {
  readonly id: string;
  readonly owner: string;
  readonly secret: string;
  readonly expiresAt?: string;
}

interface Rotated extends Issued {
  readonly replaces: { readonly id: string; readonly until: string };
}

for (const way of WAYS)
  describe(`stackyard token [${way}]`, function () {
    this.timeout(10_000);
    let world: AdminWorld;
    beforeEach(async () => {
      world = await AdminWorld.open(way);
      await world.stackyard('user create alice --password-stdin', { input: 'correct horse' });
    });
    afterEach(() => world.remove());

    it('makes tokens that show their secret once', async () => {
      const { out, code } = await world.stackyard(
        'token create alice --limit team/**:pull --expires 30d --note laptop',
      );
      assert.equal(code, 0);
      assert.match(
        out,
        /^made the access token \S{26} of alice, which expires \S+Z\nsecret \(shown only once\): sy_\S+\n$/,
      );
      const secret = /sy_\S+/.exec(out)?.[0] ?? '';
      const principal = await world.login('alice', secret);
      assert.deepEqual(
        principal?.limits?.map(({ repositories, actions }) => `${repositories.text} ${actions.join(',')}`),
        ['team/** pull'],
      );
      assert.deepEqual(await world.filesWith(secret), []);
      const issued = await world.json<Issued>('token create alice');
      assert.deepEqual(Object.keys(issued), ['owner', 'id', 'secret']);
    });

    it('lists tokens of one owner or all, without secrets', async () => {
      const first = await world.json<Issued>('token create alice --limit team/**:pull --note laptop');
      world.clock.advance(1000);
      await world.stackyard('robot create ci --expires 1d');
      await world.login('alice', first.secret);
      const createdAt = new Date(world.clock.now() - 1000).toISOString();
      assert.deepEqual(await world.json('token list alice'), [
        {
          id: first.id,
          owner: 'alice',
          createdAt,
          lastUsedAt: new Date(world.clock.now()).toISOString(),
          limits: [{ repositories: 'team/**', actions: ['pull'] }],
          note: 'laptop',
        },
      ]);
      const { out } = await world.stackyard('token list');
      assert.match(out, /^id {26}owner {2}created {15}expires {15}last used {13}limits {8}note\n/);
      assert.match(out, /\n\S{26} {2}alice {2}\S{20} {2}never {17}\S{20} {2}team\/\*\*:pull {2}laptop\n/);
      assert.match(out, /\n\S{26} {2}ci {5}\S{20} {2}\S{20} {2}never {17}- {13}-\n$/);
      assert.ok(!out.includes(first.secret));
    });

    it('rotates: both secrets are good until the overlap has passed', async () => {
      const old = await world.json<Issued>('token create alice --limit team/**:pull --expires 30d');
      const server = world.tokens();
      assert.ok(await server.find(old.secret));
      world.clock.advance(DAY);
      const rotated = await world.json<Rotated>(`token rotate ${old.id}`);
      assert.deepEqual(await world.filesWith(rotated.secret), []);
      assert.equal(Date.parse(rotated.replaces.until), world.clock.now() + DAY);
      assert.equal(Date.parse(rotated.expiresAt ?? ''), world.clock.now() + 30 * DAY);
      world.clock.advance(DAY - 1);
      assert.ok(await server.find(old.secret));
      const { record } = (await server.find(rotated.secret)) ?? {};
      assert.deepEqual(record?.limits, [{ repositories: 'team/**', actions: 'pull' }]);
      world.clock.advance(1);
      assert.equal(await server.find(old.secret), undefined);
      assert.ok(await server.find(rotated.secret));
    });

    it('never lengthens the life of the old token, and rotates it once', async () => {
      const old = await world.json<Issued>('token create alice --expires 1h');
      const { replaces, id } = await world.json<Rotated>(`token rotate ${old.id} --overlap 2h`);
      assert.equal(replaces.until, old.expiresAt);
      const again = await world.stackyard(`token rotate ${old.id}`);
      assert.equal(again.code, 5);
      assert.equal(again.err, `stackyard: ${old.id} was rotated before; rotate ${id}, which replaced it\n`);
      const listed = await world.json<{ id: string; replacedBy?: string }[]>('token list alice');
      assert.deepEqual(new Map(listed.map((token) => [token.id, token.replacedBy])).get(old.id), id);
    });

    it('rotates without overlap, and revokes: a server knows within 5 s', async () => {
      const old = await world.json<Issued>('token create alice');
      const server = world.tokens();
      assert.ok(await server.find(old.secret));
      const { secret, id } = await world.json<Rotated>(`token rotate ${old.id} --overlap 0s`);
      world.clock.advance(KNOWN);
      assert.equal(await server.find(old.secret), undefined);
      assert.ok(await server.find(secret));
      assert.deepEqual(await world.stackyard(`token revoke ${id}`), {
        out: `the access token ${id} is revoked\n`,
        err: '',
        code: 0,
      });
      world.clock.advance(KNOWN);
      assert.equal(await server.find(secret), undefined);
      assert.deepEqual(await world.json('token list'), []);
    });

    it('refuses unknown owners and ids', async () => {
      const none = 'a'.repeat(26);
      for (const [line, code, err] of [
        ['token create bob', 4, /^stackyard: there is no user or robot bob\n$/],
        ['token list bob', 4, /^stackyard: there is no user or robot bob\n$/],
        [`token revoke ${none}`, 4, /^stackyard: there is no access token with this id\n$/],
        [`token rotate ${none}`, 4, /^stackyard: there is no access token with this id\n$/],
        ['token revoke x', 2, /^stackyard: that is no id of an access token: .*\n$/],
        [`token rotate ${none} --overlap 1`, 2, /^stackyard: option '--overlap <age>' .*\n$/],
      ] as const) {
        const told = await world.stackyard(line);
        assert.deepEqual([told.code, told.out], [code, ''], line);
        assert.match(told.err, err);
      }
    });

    it('never repeats a secret that is given for an id, not even in a stack', async () => {
      const { secret } = await world.json<Issued>('token create alice');
      for (const verb of ['revoke', 'rotate']) {
        const told = await world.stackyard(`token ${verb} ${secret}`, {
          env: { STACKYARD_LOG_LEVEL: 'debug' },
        });
        assert.equal(told.code, 2);
        assert.match(told.err, /^stackyard: that is the secret of an access token: give its id alone, .*\n$/);
        assert.ok(!told.err.includes(secret));
      }
      for (const line of ['token list', 'token create', 'user passwd', 'grant list']) {
        const told = await world.stackyard(`${line} ${secret}`, { env: { STACKYARD_LOG_LEVEL: 'debug' } });
        assert.deepEqual([told.code, told.out], [2, ''], line);
        assert.match(told.err, /^stackyard: that (is no name|names nobody): .*\n$/);
        assert.ok(!told.err.includes(secret.slice(4, -4)));
      }
      assert.ok(await world.login('alice', secret));
    });
  });
