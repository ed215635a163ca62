import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import { failing } from '../http/failing-driver.js';
import { TokenClient, addUser, administrationOf, askToken, tokenFor } from '../http/access/logins.js';
import { assertFewRequests, fillWithLogins } from './many-logins.js';

for (const name of ['memory', 'filesystem'] as const) {
  describe(`many users and tokens [${name}]`, function () {
    this.timeout(120_000);
    onStore(name, (bench) => {
      it('cost a start nothing, and a login or request no more than few would', async () => {
        const { store } = bench();
        await fillWithLogins(store, { users: 10_000, tokens: 100_000 });
        await assertFewRequests(store, { user: 9999, token: 70_007 });
      });
    });
  });
}

describe('a store that is away', () => {
  onStore('memory', (bench) => {
    it('makes logins and requests answer 503 with Retry-After, never 401', async () => {
      const { store, another } = bench();
      const state = { out: false };
      const node = await another({ logins: {}, driver: failing(store.driver(), state) });
      await addUser(administrationOf(store), 'alice', ['team/*', 'pull,push']);
      const client = new TokenClient(node, await tokenFor(node, 'alice', 'repository:team/a:pull,push'));
      (await client.get('/v2/')).expect(200);
      state.out = true;
      (await client.get('/v2/')).expect(200); // what is known for 5 s needs no store
      store.clock.advance(5000);
      const answers = [
        await client.get('/v2/'),
        await client.get('/v2/team/a/tags/list'),
        await client.call('POST', '/v2/team/a/blobs/uploads/'),
        await askToken(node, { user: 'alice' }),
        await askToken(node, { user: 'alice', secret: 'wrong' }),
        await askToken(node),
        await client.get('/.well-known/jwks.json'),
      ];
      for (const answer of answers) {
        answer.expectError(503, 'UNAVAILABLE');
        assert.equal(answer.header('retry-after'), '7');
        assert.equal(answer.headers['www-authenticate'], undefined);
      }
      state.out = false;
      (await client.get('/v2/')).expect(200);
    });
  });
});
