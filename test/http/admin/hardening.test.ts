import assert from 'node:assert/strict';
import { openAdminAccess } from '../../../src/auth/admin-access.js';
import { AuditLog } from '../../../src/audit/audit-log.js';
import type { ProblemBody } from '../../../src/api/problem.js';
import { StorageError } from '../../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../../src/ports/storage-driver.js';
import { LogLines } from '../../composition/log-lines.js';
import { withFaults } from '../../registry/faulty.js';
import { onStore } from '../../support/in-process.js';
import { basic, bearer } from '../access/logins.js';
import { Client } from '../client.js';
import { AdminClient, AdminWorld } from './admin-world.js';

const DAY = 86_400_000;
const OPTIONS = { logins: {}, admin: {} };
const KEY = { 'idempotency-key': 'a-key-of-hardening' };

const detailOf = (answer: { json(): unknown }): string => (answer.json() as ProblemBody).detail;

describe('the admin API under attack', () => {
  onStore(
    'memory',
    (bench) => {
      it('takes no query of more than 200 parameters, and repeats none that it does not know at length', async () => {
        const client = new Client(bench().node);
        const many = Array.from({ length: 5000 }, (_, index) => `a${index}`).join('&');
        assert.match(
          detailOf((await client.get(`/admin/v1/openapi.json?${many}`)).expect(400)),
          /at most 200 parameters/,
        );
        const few = Array.from({ length: 150 }, (_, index) => `${'x'.repeat(50)}${index}`).join('&');
        const told = detailOf((await client.get(`/admin/v1/openapi.json?${few}`)).expect(400));
        assert.ok(told.length < 400, told);
      });

      it('makes no token whose limits are none, for it would allow everything', async () => {
        const world = await AdminWorld.make(bench());
        (await world.root.ask('createToken', { body: { owner: 'root', limits: [] } })).expect(400);
      });

      it('lets a caller without rights hold no place of those whose bodies are read', async () => {
        const world = await AdminWorld.make(bench());
        const node = await bench().another({
          ...OPTIONS,
          admin: { bodies: { milliseconds: 60_000, atOnce: 1 } },
        });
        const wire = await new Client(node).connect();
        const { authorization } = basic('nobody');
        wire.socket.write(
          `POST /admin/v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${String(authorization)}\r\n` +
            'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
        );
        const answer = await new AdminClient(node, basic('root')).ask('createUser', {
          body: { name: 'eve' },
        });
        answer.expect(201);
        wire.socket.destroy();
        assert.ok(world);
      });

      it('does what is repeated once, though it could not be recorded', async () => {
        const world = await AdminWorld.make(bench());
        const driver = bench().store.driver();
        let isOut = true;
        const put: StorageDriver['put'] = (key, bytes, options) =>
          isOut && key.includes('/audit/')
            ? Promise.reject(new StorageError('UNAVAILABLE', 'the store takes nothing'))
            : driver.put(key, bytes, options);
        const { clock, ids } = bench().store;
        const log = new LogLines();
        const audit = new AuditLog({ driver: withFaults(driver, { put }), clock, ids, log }, { strict: [] });
        const client = new AdminClient(await bench().another({ ...OPTIONS, audit }), basic('root'));
        const asked = { body: { owner: 'ci' }, headers: KEY };
        assert.match(
          detailOf((await client.ask('createToken', asked)).expect(503)),
          /done, but could not be recorded/,
        );
        isOut = false;
        (await client.ask('createToken', asked)).expect(409);
        const { items } = await world.root.value<{ items: unknown[] }>('listTokens', {
          query: { owner: 'ci' },
        });
        assert.equal(items.length, 2, 'the first of the robot, and this one');
      });

      it('forgets an answer after a day, whether or not anything was purged', async () => {
        const world = await AdminWorld.make(bench());
        const asked = { body: { owner: 'ci' }, headers: KEY };
        const first = await world.root.value<{ id: string }>('createToken', asked);
        bench().store.clock.advance(DAY - 1);
        assert.equal((await world.root.value<{ id: string }>('createToken', asked)).id, first.id);
        bench().store.clock.advance(1);
        assert.notEqual((await world.root.value<{ id: string }>('createToken', asked)).id, first.id);
      });

      it('rotates no token that has expired', async () => {
        const world = await AdminWorld.make(bench());
        const { id } = await world.administration.tokens.create('alice', { lifetime: 1000 });
        bench().store.clock.advance(1001);
        const answer = (await world.root.ask('rotateToken', { params: { id }, body: {} })).expect(409);
        assert.match(detailOf(answer), /has expired/);
      });

      it('removes no account of another version than the one that is named', async () => {
        const world = await AdminWorld.make(bench());
        const here = { params: { name: 'alice' } };
        const etag = (await world.root.ask('getUser', here)).header('etag');
        await world.root.value('updateUser', {
          ...here,
          body: { groups: [] },
          headers: { 'if-match': etag },
        });
        (await world.root.ask('deleteUser', { ...here, headers: { 'if-match': etag } })).expect(412);
        (await world.root.ask('deleteUser', { ...here, headers: { 'if-match': `W/${etag}` } })).expect(412);
        (await world.root.ask('deleteUser', here)).expect(204);
      });

      it('asks no other backend for what is no access token, and counts guesses at one', async () => {
        const node = await bench().another({
          ...OPTIONS,
          logins: { rules: { logins: { failures: 2, window: 60_000 } } },
        });
        await AdminWorld.make(bench());
        const client = new Client(node);
        for (const text of ['eyJhbGciOiJFUzI1NiJ9.e30.x', 'sy_short', `sy_${'a'.repeat(26)}_`]) {
          assert.match(
            detailOf((await client.get('/admin/v1/me', bearer(text))).expect(401)),
            /no access token/,
          );
        }
        const guess = `sy_${'a'.repeat(26)}_${'b'.repeat(43)}`;
        for (const status of [401, 401, 429, 429])
          (await client.get('/admin/v1/me', bearer(guess))).expect(status);
      });

      it('tells that HEAD is allowed where GET is', async () => {
        const world = await AdminWorld.make(bench());
        const answer = await new Client(world.bench.node).call('PUT', '/admin/v1/users', {
          headers: basic('root'),
        });
        assert.equal(answer.expect(405).header('allow'), 'GET, POST, HEAD');
        (await new Client(world.bench.node).head('/admin/v1/users', basic('root'))).expect(200);
      });
    },
    OPTIONS,
  );

  it('takes no name that a page could have led here, where nobody logs in', async () => {
    const proof = (url: string) => ({ address: '127.0.0.1', url });
    const open = openAdminAccess(undefined);
    for (const url of [
      'http://127.0.0.1:5000',
      'http://[::1]:5000',
      'http://localhost:5000',
      'http://192.0.2.7',
    ])
      assert.equal((await open.identify(proof(url)))?.isAdmin, true, url);
    for (const url of ['http://evil.example', 'http://localhost.evil.example', 'http://1.2.3.4.evil.example'])
      await assert.rejects(open.identify(proof(url)), /set server.publicUrl to permit that name/, url);
    const named = openAdminAccess('https://registry.example');
    assert.equal((await named.identify(proof('https://registry.example')))?.isAdmin, true);
  });
});
