import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { startFaultProxy } from './fault-proxy.js';
import { Port } from './port.js';
import { callAt, onProxyBench } from './proxy-bench.js';

describe('the fault proxy: logins', () => {
  const bench = onProxyBench();

  it('puts its own origin into X-Storage-Url', async () => {
    const { proxy } = bench();
    const login = await callAt(proxy.origin, 'GET', '/auth/v1.0');
    assert.equal(login.headers['x-storage-url'], `${proxy.origin}/v1/AUTH_test`);
  });

  it('puts an origin into the object stores of a Keystone catalog', async () => {
    const url = 'http://swift.test:8080/v1/KEY_1';
    const service = (type: string) => ({ type, endpoints: [{ interface: 'public', url }] });
    const server = createServer((_, response) => {
      response.writeHead(201, { 'Content-Type': 'application/json', 'X-Subject-Token': 'secret' });
      response.end(JSON.stringify({ token: { catalog: [service('object-store'), service('image')] } }));
    });
    const keystone = new Port(server);
    await keystone.open();
    const storageOrigin = 'http://127.0.0.1:1234';
    const proxy = await startFaultProxy({ target: new URL('/v3', keystone.origin), storageOrigin });
    const answer = await callAt(proxy.origin, 'POST', '/v3/auth/tokens', { body: '{}' });
    await proxy.stop();
    await keystone.close();
    const { token } = JSON.parse(String(answer.body)) as {
      token: { catalog: { endpoints: { url: string }[] }[] };
    };
    assert.deepEqual(
      token.catalog.map(({ endpoints }) => endpoints[0]?.url),
      [`${storageOrigin}/v1/KEY_1`, url],
    );
    assert.deepEqual([answer.status, answer.headers['x-subject-token']], [201, 'secret']);
  });
});
