import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import {
  PASSWORD,
  TokenClient,
  accessOf,
  addUser,
  administrationOf,
  askToken,
  grantOf,
  refresh,
  refreshTokenFor,
  tokenFor,
} from '../http/access/logins.js';
import type { Administration } from '../http/access/logins.js';
import { quickHasher } from '../http/access/token-rules.js';

const ALICE = { kind: 'user', name: 'alice' } as const;
const TAGS = '/v2/team/a/tags/list';
const SCOPE = 'repository:team/a:pull,push';

function promised(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe('revocation', () => {
  onStore(
    'memory',
    (bench) => {
      let admin: Administration;
      let other: RegistryNode;
      beforeEach(async () => {
        admin = administrationOf(bench().store);
        await addUser(admin, 'alice', ['team/*', 'pull,push']);
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { groups: ['crew'] });
        await admin.permissions.add({ kind: 'group', name: 'crew' }, grantOf('crew/*', 'pull'));
        other = await bench().another({ logins: {} });
      });

      const status = async (node: RegistryNode, token: string) =>
        (await new TokenClient(node, token).get(TAGS)).status;

      const endings: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['a grant', () => admin.permissions.remove(ALICE, grantOf('team/*', 'pull,push'))],
        [
          "a group's grant",
          () => admin.permissions.remove({ kind: 'group', name: 'crew' }, grantOf('crew/*', 'pull')),
        ],
        ['a group', () => admin.accounts.update({ kind: 'user', name: 'alice' }, { groups: [] })],
        [
          'the password',
          () => admin.accounts.update({ kind: 'user', name: 'alice' }, { password: 'another password' }),
        ],
        ['the right to log in', () => admin.accounts.update(ALICE, { disabled: true })],
        ['the user', () => admin.accounts.remove(ALICE)],
        ['the key', () => admin.keys.rotate({ now: true })],
      ];
      for (const [title, end] of endings) {
        it(`of ${title} ends bearer tokens on every node within 5 s, on one that did not know them at once`, async () => {
          const { node, store, another } = bench();
          const token = await tokenFor(node, 'alice', SCOPE);
          for (const each of [node, other]) assert.equal(await status(each, token), 404);
          await end();
          assert.equal(await status(await another({ logins: {} }), token), 401);
          store.clock.advance(4999);
          for (const each of [node, other]) assert.equal(await status(each, token), 404);
          store.clock.advance(1);
          for (const each of [node, other]) assert.equal(await status(each, token), 401);
        });
      }

      it('of an access token ends what was got by it, and nothing else', async () => {
        const { node, store } = bench();
        const { id, secret } = await admin.tokens.create('alice', {});
        const { token } = (await askToken(node, { user: 'alice', secret, scopes: [SCOPE] })).json() as {
          token: string;
        };
        const own = await tokenFor(node, 'alice', SCOPE);
        assert.equal(await status(node, token), 404);
        await admin.tokens.revoke(id);
        store.clock.advance(5000);
        assert.equal(await status(node, token), 401);
        assert.equal(await status(node, own), 404);
        (await askToken(node, { user: 'alice', secret })).expectError(401, 'UNAUTHORIZED');
      });

      it('costs one read of each witness and of the key in 5 s, and never a list', async () => {
        const { node, store } = bench();
        const client = new TokenClient(node, await tokenFor(node, 'alice', SCOPE));
        await client.get('/v2/');
        const hundred = () => Promise.all(Array.from({ length: 100 }, () => client.get('/v2/')));
        assert.deepEqual(await node.countOf(hundred), {});
        store.clock.advance(4999);
        assert.deepEqual(await node.countOf(hundred), {});
        store.clock.advance(1);
        // Of the user, the key and the group; that one has no object yet, which is looked for twice.
        assert.deepEqual(await node.countOf(hundred), { read: 4 });
        assert.deepEqual(await node.countOf(hundred), {});
      });

      it('lets 1,000 requests with one token make no storage request', async () => {
        const { node } = bench();
        const client = new TokenClient(node, await tokenFor(node, 'alice', SCOPE));
        await client.get('/v2/');
        const thousand = async () => {
          for (let at = 0; at < 1000; at += 50)
            await Promise.all(Array.from({ length: 50 }, () => client.get('/v2/')));
        };
        assert.deepEqual(await node.countOf(thousand), {});
      });

      describe('while a node still knows what was', () => {
        // Another node renews the generation that this one has not read for a while, or ever.
        it('an old password gives nothing that outlives it', async () => {
          const { store } = bench();
          (await askToken(other, { user: 'alice' })).expect(200);
          store.clock.advance(3000);
          await admin.accounts.update({ kind: 'user', name: 'alice' }, { password: 'another password' });
          const answer = await askToken(other, { user: 'alice', query: { offline_token: 'true' } });
          if (answer.status !== 401) {
            const { refresh_token: token = '' } = answer.json() as { refresh_token?: string };
            store.clock.advance(5000);
            (await refresh(other, token)).expectError(401, 'UNAUTHORIZED');
          }
          (await askToken(other, { user: 'alice', secret: 'another password' })).expect(200);
        });

        it('a removed grant is in no token of the generation that ended it', async () => {
          const { node, store } = bench();
          const known = await tokenFor(node, 'alice', SCOPE);
          assert.equal(await status(other, known), 404); // reads the generation there
          store.clock.advance(3000);
          assert.deepEqual(accessOf(await tokenFor(other, 'alice', SCOPE)), [SCOPE]); // and the grants
          store.clock.advance(1000);
          await admin.permissions.remove(ALICE, grantOf('team/*', 'pull,push'));
          store.clock.advance(1000);
          const token = await tokenFor(other, 'alice', SCOPE);
          store.clock.advance(5000);
          assert.equal(await status(other, token), 401);
        });

        it('a password that is changed while it is compared gives nothing', async () => {
          const { promise: compared, resolve: release } = promised();
          const { promise: begun, resolve: begin } = promised();
          const hasher = quickHasher();
          const slow = {
            ...hasher,
            matches: async (password: string, hash: string) => {
              begin();
              await compared;
              return hasher.matches(password, hash);
            },
          };
          const node = await bench().another({ logins: { hasher: slow } });
          const answer = askToken(node, { user: 'alice', query: { offline_token: 'true' } });
          await begun;
          await admin.accounts.update({ kind: 'user', name: 'alice' }, { password: 'another password' });
          release();
          (await answer).expectError(401, 'UNAUTHORIZED');
        });

        it('a revoked access token gives no refresh token that goes on', async () => {
          const { store } = bench();
          const { id, secret } = await admin.tokens.create('alice', {});
          (await askToken(other, { user: 'alice', secret })).expect(200);
          await admin.tokens.revoke(id);
          const answer = await askToken(other, { user: 'alice', secret, query: { offline_token: 'true' } });
          assert.equal(answer.status, 401);
          store.clock.advance(5000);
          (await askToken(other, { user: 'alice', secret })).expectError(401, 'UNAUTHORIZED');
        });

        it('a refresh token gives no bearer token of the generation that ended it', async () => {
          const { node, store } = bench();
          const token = await refreshTokenFor(node, 'alice', PASSWORD);
          (await refresh(other, token)).expect(200);
          await admin.accounts.update(ALICE, { disabled: true });
          (await refresh(other, token)).expectError(401, 'UNAUTHORIZED');
          store.clock.advance(5000);
          (await refresh(other, token)).expectError(401, 'UNAUTHORIZED');
        });
      });
    },
    { logins: {} },
  );
});
