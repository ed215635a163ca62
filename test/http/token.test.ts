import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import {
  PASSWORD,
  SERVICE,
  accessOf,
  addUser,
  administrationOf,
  askToken,
  claimsOf,
  postForm,
  tokenAnswer,
} from './access/logins.js';
import type { TokenAnswer } from './access/logins.js';
import { Client } from './client.js';

const LOGIN = [
  ['grant_type', 'password'],
  ['username', 'alice'],
  ['password', PASSWORD],
] as const;

describe('GET and POST /token', () => {
  onStore(
    'memory',
    (bench) => {
      beforeEach(async () => {
        await addUser(administrationOf(bench().store), 'alice', ['team/*', 'pull,push']);
      });

      const accessFor = async (...scopes: readonly string[]) =>
        accessOf((await tokenAnswer(bench().node, { user: 'alice', scopes })).token);

      it('answers what distribution and RFC 6749 name, and no cache keeps it', async () => {
        const { node, store } = bench();
        const answer = (await askToken(node, { user: 'alice', scopes: ['repository:team/a:pull'] })).expect(
          200,
        );
        assert.equal(answer.header('cache-control'), 'no-store');
        const {
          token,
          access_token: same,
          expires_in: seconds,
          issued_at: at,
          ...rest
        } = answer.json() as TokenAnswer;
        assert.equal(same, token);
        assert.equal(seconds, 300);
        assert.equal(at, new Date(store.clock.now()).toISOString());
        assert.deepEqual(rest, {});
        const { iss, sub, aud, exp, iat } = claimsOf(token);
        const now = Math.floor(store.clock.now() / 1000);
        assert.deepEqual([iss, sub, aud, exp, iat], [SERVICE, 'alice', SERVICE, now + 300, now]);
      });

      it('POST by password has the scope and type, and a refresh token only where it is wished', async () => {
        const plain = (
          await postForm(bench().node, [...LOGIN, ['scope', 'repository:team/a:pull,delete']])
        ).expect(200);
        assert.equal(plain.header('cache-control'), 'no-store');
        const { access_token: token, issued_at: at, ...rest } = plain.json() as TokenAnswer;
        assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 300, scope: 'repository:team/a:pull' });
        assert.ok(Date.parse(at) > 0);
        assert.deepEqual(accessOf(token), ['repository:team/a:pull']);
        const offline = (await postForm(bench().node, [...LOGIN, ['access_type', 'offline']])).expect(200);
        assert.equal(typeof (offline.json() as TokenAnswer).refresh_token, 'string');
      });

      it('reads scopes repeated and joined by spaces, by GET and POST', async () => {
        const scopes = ['repository:team/a:pull repository:team/b:push', 'repository:team/c:pull,push'];
        const expected = ['repository:team/a:pull', 'repository:team/b:push', 'repository:team/c:pull,push'];
        assert.deepEqual(await accessFor(...scopes), expected);
        const fields = scopes.map((scope) => ['scope', scope] as const);
        const posted = (await postForm(bench().node, [...LOGIN, ...fields]))
          .expect(200)
          .json() as TokenAnswer;
        assert.deepEqual(accessOf(posted.access_token), expected);
        assert.equal(posted.scope, expected.join(' '));
      });

      it('grants the part of the wish that is held, be it nothing', async () => {
        assert.deepEqual(await accessFor('repository:team/a:pull,push,delete'), [
          'repository:team/a:pull,push',
        ]);
        assert.deepEqual(await accessFor('repository:team/a:*'), ['repository:team/a:pull,push']);
        assert.deepEqual(await accessFor('repository:secret:pull'), []);
        assert.deepEqual(await accessFor(), []);
      });

      it('ignores a class, unknown actions and types, and what is no scope', async () => {
        assert.deepEqual(await accessFor('repository(plugin):team/a:pull'), ['repository:team/a:pull']);
        assert.deepEqual(await accessFor('repository:team/a:fly,pull'), ['repository:team/a:pull']);
        for (const scope of [
          'repository:team/a:fly',
          'host:team/a:pull',
          'registry:other:*',
          'team/a',
          ':::',
          '',
          ' ',
        ]) {
          assert.deepEqual(await accessFor(scope), [], scope);
        }
        assert.deepEqual(await accessFor('repository:TEAM/A:pull', 'repository:team/../a:pull'), []);
        assert.deepEqual(await accessFor('registry:catalog:*'), ['registry:catalog:*']);
      });

      it('reads the first 50 scopes, and ignores the others', async () => {
        const scopes = Array.from({ length: 60 }, (_, at) => `repository:team/${at}:pull`);
        assert.deepEqual(await accessFor(...scopes), scopes.slice(0, 50));
        assert.deepEqual(await accessFor(scopes.join(' ')), scopes.slice(0, 50));
      });

      it('is not held up by a scope that is made of parentheses', async () => {
        const begin = process.hrtime.bigint();
        const path = `/token?scope=${'('.repeat(28_000)}:a:b`;
        (await new Client(bench().node).get(path)).expect(200);
        assert.ok(process.hrtime.bigint() - begin < 200_000_000n);
      });

      it('takes account, client_id and offline_token as docker sends them', async () => {
        const query = { account: 'alice', client_id: 'docker', offline_token: 'true' };
        const { refresh_token: refreshed } = await tokenAnswer(bench().node, { user: 'alice', query });
        assert.equal(typeof refreshed, 'string');
        assert.equal((await tokenAnswer(bench().node, { query })).refresh_token, undefined);
      });

      it('refuses another service', async () => {
        (await askToken(bench().node, { query: { service: 'other' } })).expectError(400, 'DENIED');
        (await postForm(bench().node, [...LOGIN, ['service', 'other']])).expectError(400, 'DENIED');
      });

      it('takes a Content-Type with charset', async () => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
        (await postForm(bench().node, LOGIN, headers)).expect(200);
      });

      it('answers 400 for missing fields, another grant_type and another Content-Type', async () => {
        const { node } = bench();
        for (const missing of [0, 1, 2]) {
          (
            await postForm(
              node,
              LOGIN.filter((_, at) => at !== missing),
            )
          ).expectError(400, 'UNSUPPORTED');
        }
        (await postForm(node, [['grant_type', 'refresh_token']])).expectError(400, 'UNSUPPORTED');
        (await postForm(node, [['grant_type', 'client_credentials']])).expectError(400, 'UNSUPPORTED');
        (await postForm(node, LOGIN, { 'content-type': 'application/json' })).expectError(400, 'UNSUPPORTED');
        (await new Client(node).call('POST', '/token')).expectError(400, 'UNSUPPORTED');
      });

      it('answers 413 for an oversized form', async () => {
        const big = await postForm(bench().node, [...LOGIN, ['scope', 'x'.repeat(70_000)]]);
        big.expectError(413, 'UNSUPPORTED');
        const many = Array.from({ length: 300 }, () => ['scope', 'repository:team/a:pull'] as const);
        (await postForm(bench().node, [...LOGIN, ...many])).expectError(413, 'UNSUPPORTED');
      });

      it('refuses an Authorization that is not Basic with a username, but not for being anonymous', async () => {
        const client = new Client(bench().node);
        const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
        for (const authorization of [
          'Basic',
          'Basic !!',
          encoded('alice'),
          encoded(':x'),
          'Digest a',
          'Bearer a.b.c',
        ]) {
          (await client.get('/token', { authorization })).expectError(401, 'UNAUTHORIZED');
        }
        assert.equal(claimsOf((await tokenAnswer(bench().node)).token).sub, '');
      });

      it('keeps colons and letters beyond ASCII of a password', async () => {
        const { node, store } = bench();
        const secret = 'a:b:ü ∞ %41';
        await administrationOf(store).accounts.update({ kind: 'user', name: 'alice' }, { password: secret });
        (await askToken(node, { user: 'alice', secret })).expect(200);
        (await postForm(node, [...LOGIN.slice(0, 2), ['password', secret]])).expect(200);
        (await askToken(node, { user: 'alice', secret: 'a' })).expectError(401, 'UNAUTHORIZED');
      });
    },
    { logins: {} },
  );
});
