import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import {
  TokenClient,
  accessOf,
  addUser,
  administrationOf,
  askToken,
  claimsOf,
  grantOf,
  refresh,
  refreshTokenFor,
  tokenAnswer,
  tokenFor,
} from './access/logins.js';
import type { Administration, TokenAnswer } from './access/logins.js';
import { withPayload } from './access/forged.js';

const DAY = 24 * 60 * 60_000;

describe('refresh tokens', () => {
  onStore(
    'memory',
    (bench) => {
      let admin: Administration;
      beforeEach(async () => {
        admin = administrationOf(bench().store);
        await addUser(admin, 'alice', ['team/*', 'pull,push']);
      });

      it('gives bearer tokens, on any node, with what is granted by then', async () => {
        const { node, another } = bench();
        const token = await refreshTokenFor(node, 'alice');
        const other = await another({ logins: {} });
        const answer = (await refresh(other, token, 'repository:team/a:pull,delete')).expect(200);
        const { access_token: bearer, refresh_token: again } = answer.json() as TokenAnswer;
        assert.equal(again, token);
        assert.deepEqual(accessOf(bearer), ['repository:team/a:pull']);
        assert.equal(claimsOf(bearer).sub, 'alice');
        await admin.permissions.add({ kind: 'user', name: 'alice' }, grantOf('team/*', 'delete'));
        bench().store.clock.advance(5000);
        const later = (await refresh(other, token, 'repository:team/a:delete'))
          .expect(200)
          .json() as TokenAnswer;
        assert.deepEqual(accessOf(later.access_token), ['repository:team/a:delete']);
      });

      it('outlives changes of groups, rights and grants', async () => {
        const { node, store } = bench();
        const token = await refreshTokenFor(node, 'alice');
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { groups: ['devs'] });
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { admin: true });
        await admin.permissions.remove({ kind: 'user', name: 'alice' }, grantOf('team/*', 'pull,push'));
        store.clock.advance(5000);
        const answer = (await refresh(node, token, 'repository:other:push'))
          .expect(200)
          .json() as TokenAnswer;
        assert.deepEqual(accessOf(answer.access_token), ['repository:other:push']);
      });

      const endings: readonly (readonly [string, (admin: Administration) => Promise<unknown>])[] = [
        [
          'a change of the password',
          ({ accounts }) =>
            accounts.update({ kind: 'user', name: 'alice' }, { password: 'another password' }),
        ],
        ['disabling', ({ accounts }) => accounts.update({ kind: 'user', name: 'alice' }, { disabled: true })],
        ['removal', ({ accounts }) => accounts.remove({ kind: 'user', name: 'alice' })],
        ['removal of the keys', ({ keys }) => keys.rotate({ now: true })],
      ];
      for (const [title, end] of endings) {
        it(`ends with ${title}, within 5 s everywhere`, async () => {
          const { node, store, another } = bench();
          const token = await refreshTokenFor(node, 'alice');
          const other = await another({ logins: {} });
          (await refresh(other, token)).expect(200);
          await end(admin);
          store.clock.advance(5000);
          for (const each of [node, other]) (await refresh(each, token)).expectError(401, 'UNAUTHORIZED');
        });
      }

      it('ends with the access token that it was got by', async () => {
        const { node, store } = bench();
        const { id, secret } = await admin.tokens.create('alice', { limits: [grantOf('team/a', 'pull')] });
        const token = await refreshTokenFor(node, 'alice', secret);
        const scopes = ['repository:team/a:pull,push', 'repository:team/b:pull'];
        const answer = (await refresh(node, token, ...scopes)).expect(200).json() as TokenAnswer;
        assert.deepEqual(accessOf(answer.access_token), ['repository:team/a:pull']);
        await admin.tokens.revoke(id);
        store.clock.advance(5000);
        (await refresh(node, token)).expectError(401, 'UNAUTHORIZED');
      });

      it('ends when the access token that it was got by runs out', async () => {
        const { node, store } = bench();
        const { secret } = await admin.tokens.create('alice', { lifetime: DAY });
        const token = await refreshTokenFor(node, 'alice', secret);
        store.clock.advance(DAY - 1);
        (await refresh(node, token)).expect(200);
        store.clock.advance(1);
        (await refresh(node, token)).expectError(401, 'UNAUTHORIZED');
        (await askToken(node, { user: 'alice', secret })).expectError(401, 'UNAUTHORIZED');
      });

      it('ends after auth.refreshMaxAge', async () => {
        const { node, store } = bench();
        const token = await refreshTokenFor(node, 'alice');
        store.clock.advance(89 * DAY);
        (await refresh(node, token)).expect(200);
        store.clock.advance(DAY + 1000);
        (await refresh(node, token)).expectError(401, 'UNAUTHORIZED');
      });

      it('is no bearer token, and a bearer token is none', async () => {
        const { node } = bench();
        const token = await refreshTokenFor(node, 'alice');
        const answer = await new TokenClient(node, token).get('/v2/');
        assert.match(answer.expect(401).header('www-authenticate'), /error="invalid_token"$/);
        (await refresh(node, await tokenFor(node, 'alice'))).expectError(401, 'UNAUTHORIZED');
        const { token: anonymous } = await tokenAnswer(node);
        (await refresh(node, anonymous)).expectError(401, 'UNAUTHORIZED');
      });

      it('is refused when it is changed, cut or nothing of the kind', async () => {
        const { node } = bench();
        const token = await refreshTokenFor(node, 'alice');
        const forged = [
          withPayload(token, { sub: 'root' }),
          token.slice(0, -8),
          `${token}x`,
          'x',
          'a.b.c',
          '..',
        ];
        for (const text of forged) (await refresh(node, text)).expectError(401, 'UNAUTHORIZED');
      });

      it('of a user who was made anew under the same name does not hold', async () => {
        const { node, store } = bench();
        const token = await refreshTokenFor(node, 'alice');
        await admin.accounts.remove({ kind: 'user', name: 'alice' });
        store.clock.advance(1);
        await addUser(admin, 'alice');
        store.clock.advance(5000);
        (await refresh(node, token)).expectError(401, 'UNAUTHORIZED');
      });
    },
    { logins: {} },
  );
});
