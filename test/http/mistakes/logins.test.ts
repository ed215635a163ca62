import assert from 'node:assert/strict';
import {
  TokenClient,
  accessOf,
  addUser,
  administrationOf,
  anonymousToken,
  challengeOf,
  postForm,
  pushClient,
  refresh,
  tokenAnswer,
  tokenFor,
} from '../access/logins.js';
import type { TokenAnswer } from '../access/logins.js';
import { onEveryStore } from '../../support/in-process.js';
import { Client } from '../client.js';
import { bytesOf } from '../content.js';

const LAYER = bytesOf(20, 9);

onEveryStore(
  'mistakes in logins',
  (bench) => {
    beforeEach(async () => {
      const admin = administrationOf(bench().store);
      await addUser(admin, 'alice', ['a/**', 'pull,push,delete']);
      await addUser(admin, 'bob', ['b/**', 'pull,push']);
    });

    it('14. Mount without pull right on the source: a miss', async () => {
      const { node } = bench();
      const digest = await (await pushClient(node, 'alice', 'a/app')).pushBlob('a/app', LAYER);
      const bob = new TokenClient(
        node,
        await tokenFor(node, 'bob', 'repository:b/app:pull,push', 'repository:a/app:pull'),
      );
      for (const from of ['&from=a/app', '']) {
        const answer = await bob.call('POST', `/v2/b/app/blobs/uploads/?mount=${digest}${from}`);
        assert.match(answer.expect(202).header('location'), /^\/v2\/b\/app\/blobs\/uploads\//);
      }
      (await bob.get(`/v2/b/app/blobs/${digest}`)).expectError(404, 'BLOB_UNKNOWN');
    });

    it('16. Leaking which private repos exist: authorised before looked up', async () => {
      const { node } = bench();
      await (await pushClient(node, 'alice', 'a/app')).pushBlob('a/app', LAYER);
      const bob = new TokenClient(
        node,
        await tokenFor(node, 'bob', 'repository:a/app:pull', 'repository:a/not:pull'),
      );
      for (const name of ['a/app', 'a/not']) {
        const answer = (await bob.get(`/v2/${name}/tags/list`)).expectError(401, 'UNAUTHORIZED');
        const challenge = challengeOf(node, `repository:${name}:pull`, 'insufficient_scope');
        assert.equal(answer.header('www-authenticate'), challenge);
      }
    });

    it('17. 403 for lacking scope: 401 with a challenge of insufficient_scope', async () => {
      const { node } = bench();
      const alice = new TokenClient(node, await tokenFor(node, 'alice', 'repository:a/app:pull'));
      const answer = (await alice.call('POST', '/v2/a/app/blobs/uploads/')).expectError(401, 'UNAUTHORIZED');
      const challenge = challengeOf(node, 'repository:a/app:pull,push', 'insufficient_scope');
      assert.equal(answer.header('www-authenticate'), challenge);
      assert.deepEqual(answer.errors[0]?.detail, [
        { Type: 'repository', Name: 'a/app', Actions: ['pull', 'push'] },
      ]);
    });

    it('18. Unquoted challenge parameters: all quoted', async () => {
      const answer = await new Client(bench().node).call(
        'POST',
        '/v2/a/app/blobs/uploads/?mount=x&from=b/app',
      );
      const challenge = answer.expect(401).header('www-authenticate');
      assert.match(challenge, /^Bearer realm="[^"]+",service="[^"]+",scope="[^"]+"$/);
      assert.match(challenge, /scope="repository:a\/app:pull,push repository:b\/app:pull"$/);
    });

    it('19. Anonymous 200 on /v2/ though repos are private: a challenge', async () => {
      const { node, another } = bench();
      const open = await another({ logins: { rules: { anonymousPull: ['public/**'] } } });
      for (const each of [node, open]) {
        for (const path of ['/v2/', '/v2']) {
          const answer = (await new Client(each).get(path)).expectError(401, 'UNAUTHORIZED');
          assert.equal(answer.header('www-authenticate'), challengeOf(each));
          assert.equal(answer.header('docker-distribution-api-version'), 'registry/2.0');
        }
      }
    });

    it('20. Empty grants as an error: 200 with empty access', async () => {
      const { node } = bench();
      for (const token of [
        await tokenFor(node, 'bob', 'repository:a/app:pull'),
        await tokenFor(node, 'bob'),
        await anonymousToken(node, 'repository:a/app:pull'),
      ]) {
        assert.deepEqual(accessOf(token), []);
        (await new TokenClient(node, token).get('/v2/')).expect(200);
      }
    });

    it('21. refresh_token without POST: what GET gives POST takes', async () => {
      const { node } = bench();
      assert.equal((await tokenAnswer(node, { user: 'alice' })).refresh_token, undefined);
      const { refresh_token: token = '' } = await tokenAnswer(node, {
        user: 'alice',
        query: { offline_token: 'true' },
      });
      const answer = (await refresh(node, token, 'repository:a/app:pull')).expect(200).json() as TokenAnswer;
      assert.deepEqual(accessOf(answer.access_token), ['repository:a/app:pull']);
    });

    it('22. Only one scope read: repeated and joined by spaces', async () => {
      const { node } = bench();
      const expected = ['repository:a/1:pull', 'repository:a/2:pull', 'repository:a/3:push'];
      const scopes = ['repository:a/1:pull repository:a/2:pull', 'repository:a/3:push'];
      assert.deepEqual(accessOf(await tokenFor(node, 'alice', ...scopes)), expected);
      const login = [
        ['grant_type', 'password'],
        ['username', 'alice'],
        ['password', 'correct horse'],
      ] as const;
      const posted = await postForm(node, [...login, ...scopes.map((scope) => ['scope', scope] as const)]);
      assert.deepEqual(accessOf((posted.expect(200).json() as TokenAnswer).access_token), expected);
    });

    it('23. No expires_in: it is told, at least the 60 s that clients assume', async () => {
      const { node } = bench();
      const { expires_in: seconds, issued_at: at, token } = await tokenAnswer(node, { user: 'alice' });
      assert.ok(seconds >= 60);
      bench().store.clock.advance(seconds * 1000);
      (await new TokenClient(node, token).get('/v2/')).expect(200);
      bench().store.clock.advance(6000);
      (await new TokenClient(node, token).get('/v2/')).expect(401);
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    });
  },
  { logins: {} },
);
