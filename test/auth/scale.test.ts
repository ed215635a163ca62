import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { accessTokenKey, principalKey } from '../../src/domain/keys.js';
import { RegistryNode, onStore } from '../support/in-process.js';
import { failing } from '../http/failing-driver.js';
import { TokenClient, addUser, administrationOf, askToken, tokenFor } from '../http/access/logins.js';

const USERS = 10_000;
const TOKENS = 100_000;

describe('many users and tokens', function () {
  this.timeout(60_000);
  onStore('memory', (bench) => {
    it('cost a start nothing, and a login or request no more than few would', async () => {
      const { store } = bench();
      const driver = store.driver();
      const user = Buffer.from(
        JSON.stringify({ kind: 'user', createdAt: '2026-01-01T00:00:00Z', password: 'quick:p' }),
      );
      for (let at = 0; at < USERS; at += 1) await driver.put(principalKey(`user${at}`), user);
      const secret = (id: string) => `sy_${id}_${'s'.repeat(43)}`;
      const idOf = (at: number) => `t${at}`.padEnd(26, 'z');
      for (let at = 0; at < TOKENS; at += 1) {
        const hash = createHash('sha256')
          .update(secret(idOf(at)))
          .digest('base64url');
        const record = { owner: `user${at % USERS}`, hash, createdAt: '2026-01-01T00:00:00Z' };
        await driver.put(accessTokenKey(idOf(at)), Buffer.from(JSON.stringify(record)));
      }

      const started: RegistryNode[] = [];
      const node = await RegistryNode.start(store, { logins: {} });
      started.push(node);
      try {
        assert.deepEqual(await node.countOf(async () => undefined), {});
        for (let at = 0; at < 2; at += 1) (await askToken(node)).expect(200); // makes the key, and finds it
        const scopes = ['repository:team/a:pull'];
        const byPassword = (at: number) => askToken(node, { user: `user${at}`, secret: 'p', scopes });
        const first = await node.countOf(async () => (await byPassword(1)).expect(200));
        assert.deepEqual(first, { read: 4, list: 2 });
        const again = await node.countOf(async () => (await byPassword(1)).expect(200));
        assert.deepEqual(again, { read: 1 });
        const other = await node.countOf(async () => (await byPassword(9999)).expect(200));
        assert.deepEqual(other, first);
        const byToken = async () =>
          (await askToken(node, { user: 'user7', secret: secret(idOf(70_007)), scopes })).expect(200);
        assert.deepEqual(await node.countOf(byToken), { read: 8, list: 2, put: 1 });
        assert.deepEqual(await node.countOf(byToken), { read: 2 });
        const client = new TokenClient(node, ((await byPassword(1)).json() as { token: string }).token);
        assert.deepEqual(await node.countOf(() => client.get('/v2/')), {});
      } finally {
        await Promise.all(started.map((each) => each.close()));
      }
    });
  });
});

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
