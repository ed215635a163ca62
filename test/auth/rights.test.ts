import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import {
  TokenClient,
  accessOf,
  addUser,
  administrationOf,
  anonymousToken,
  askToken,
  grantOf,
  tokenAnswer,
  tokenFor,
} from '../http/access/logins.js';
import type { Administration } from '../http/access/logins.js';

const ALL = 'pull,push,delete';
const MINUTE = 60_000;

describe('rights', () => {
  const rules = { anonymousPull: ['public/**'], personalNamespaces: 'users/{name}/**' };
  onStore(
    'memory',
    (bench) => {
      let admin: Administration;
      beforeEach(() => {
        admin = administrationOf(bench().store, rules);
      });

      const held = async (user: string, secret: string | undefined, ...names: readonly string[]) => {
        const scopes = names.map((name) => `repository:${name}:${ALL}`);
        const wish = secret === undefined ? { user, scopes } : { user, secret, scopes };
        return accessOf((await tokenAnswer(bench().node, wish)).token);
      };

      it('everybody may pull what the patterns of auth.anonymousPull tell, and not push it', async () => {
        await addUser(admin, 'alice');
        const scopes = ['public/a', 'public', 'private/public/a'].map((name) => `repository:${name}:${ALL}`);
        const expected = ['repository:public/a:pull'];
        assert.deepEqual(accessOf(await anonymousToken(bench().node, ...scopes)), expected);
        assert.deepEqual(await held('alice', undefined, 'public/a', 'public'), expected);
      });

      it('anonymous callers may list the catalog only where they may pull something', async () => {
        const { node, another } = bench();
        const scope = 'registry:catalog:*';
        assert.deepEqual(accessOf(await anonymousToken(node, scope)), [scope]);
        const closed = await another({ logins: {} });
        assert.deepEqual(accessOf(await anonymousToken(closed, scope)), []);
      });

      it('users may do everything in their own namespace, and nothing in that of others', async () => {
        for (const name of ['alice', 'al', 'a.b', 'Alice']) await addUser(admin, name);
        const names = ['users/alice/x', 'users/alice/x/y', 'users/alice', 'users/al/x', 'users/axb/x'];
        const own = ['users/alice/x', 'users/alice/x/y'].map((name) => `repository:${name}:${ALL}`);
        assert.deepEqual(await held('alice', undefined, ...names), own);
        assert.deepEqual(await held('al', undefined, ...names), [`repository:users/al/x:${ALL}`]);
        assert.deepEqual(await held('a.b', undefined, ...names), []);
        assert.deepEqual(await held('Alice', undefined, ...names), []);
      });

      it('robots have no namespace of their own', async () => {
        const { secret } = await admin.accounts.createRobot('ci', [grantOf('ci/*', 'pull')], {});
        assert.deepEqual(await held('ci', secret, 'users/ci/x', 'ci/a'), ['repository:ci/a:pull']);
      });

      it('an access token allows no more than its owner and its limits, also where everybody may pull', async () => {
        await addUser(admin, 'alice', ['team/*', 'pull,push']);
        const { secret } = await admin.tokens.create('alice', {
          limits: [grantOf('team/a', 'pull'), grantOf('secret', ALL), grantOf('users/alice/one', 'push')],
        });
        const names = ['team/a', 'team/b', 'secret', 'public/a', 'users/alice/one', 'users/alice/two'];
        const expected = ['repository:team/a:pull', 'repository:users/alice/one:push'];
        assert.deepEqual(await held('alice', secret, ...names), expected);
        const { token } = await tokenAnswer(bench().node, {
          user: 'alice',
          secret,
          scopes: ['registry:catalog:*'],
        });
        const root = await rootClient();
        for (const name of ['team/a', 'team/b', 'public/a']) await root.pushBlob(name, Buffer.from('x'));
        const catalog = await new TokenClient(bench().node, token).get('/v2/_catalog');
        assert.deepEqual(catalog.expect(200).json(), { repositories: ['team/a'] });
      });

      it("an access token is its owner's alone, and ends", async () => {
        const { node, store } = bench();
        for (const name of ['alice', 'bob']) await addUser(admin, name);
        const { secret } = await admin.tokens.create('alice', { lifetime: 10 * MINUTE });
        (await askToken(node, { user: 'alice', secret })).expect(200);
        (await askToken(node, { user: 'bob', secret })).expectError(401, 'UNAUTHORIZED');
        const last = secret.endsWith('A') ? 'B' : 'A';
        (await askToken(node, { user: 'alice', secret: secret.slice(0, -2) + last + 'A' })).expect(401);
        store.clock.advance(10 * MINUTE);
        (await askToken(node, { user: 'alice', secret })).expectError(401, 'UNAUTHORIZED');
      });

      it('an access token of a disabled owner gives nothing', async () => {
        await addUser(admin, 'alice');
        const { secret } = await admin.tokens.create('alice', {});
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { disabled: true });
        (await askToken(bench().node, { user: 'alice', secret })).expectError(401, 'UNAUTHORIZED');
      });

      it('a rotated access token holds for the overlap beside its successor', async () => {
        const { node, store } = bench();
        await addUser(admin, 'alice', ['team/*', 'pull']);
        const old = await admin.tokens.create('alice', { limits: [grantOf('team/a', 'pull')] });
        const rotated = await admin.tokens.rotate(old.id, 5 * MINUTE);
        for (const { secret } of [old, rotated]) {
          assert.deepEqual(await held('alice', secret, 'team/a', 'team/b'), ['repository:team/a:pull']);
        }
        store.clock.advance(5 * MINUTE);
        (await askToken(node, { user: 'alice', secret: old.secret })).expect(401);
        (await askToken(node, { user: 'alice', secret: rotated.secret })).expect(200);
      });

      it('groups give what they were given', async () => {
        await addUser(admin, 'alice');
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { groups: ['crew'] });
        await admin.permissions.add({ kind: 'group', name: 'crew' }, grantOf('crew/*', 'pull,push'));
        assert.deepEqual(await held('alice', undefined, 'crew/a'), ['repository:crew/a:pull,push']);
      });

      async function rootClient(): Promise<TokenClient> {
        await admin.accounts.createUser('root', { password: 'correct horse', admin: true });
        const names = ['team/a', 'team/b', 'public/a'];
        const scopes = names.map((name) => `repository:${name}:pull,push`);
        return new TokenClient(bench().node, await tokenFor(bench().node, 'root', ...scopes));
      }
    },
    { logins: { rules } },
  );
});
