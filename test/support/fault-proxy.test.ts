import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import type { Socket } from 'node:net';
import { until } from '../abuse/deadline.js';
import { exchange, head, type Endpoint } from '../abuse/wire.js';
import { startFaultProxy } from './fault-proxy/fault-proxy.js';
import { Port } from './fault-proxy/port.js';
import { callAt, onProxyBench } from './fault-proxy/proxy-bench.js';
import { swiftBed } from './swift-bed.js';

describe('the fault proxy', () => {
  const bench = onProxyBench();

  it('passes target, headers and bodies as they are', async () => {
    const { swift, call } = bench();
    const target = '/v1/AUTH_test/c//a/../b%2Fc%20d/?x=%zz&y=+';
    const body = randomBytes(1_000_000);
    const headers = { Host: 'swift.test:81', 'X-Object-Meta-A': '\u00e9'.repeat(200), 'x-lower': '' };
    assert.equal((await call('PUT', target, { headers, body })).status, 201);
    const [received] = swift.received;
    assert.equal(received?.url, target);
    assert.ok(received?.body.equals(body));
    const sent = {
      'Content-Length': '1000000',
      'X-Auth-Token': swift.token,
      ...headers,
      Connection: 'close',
    };
    assert.deepEqual(received?.rawHeaders, Object.entries(sent).flat());
    const answer = await call('GET', target);
    assert.ok(answer.body.equals(body));
    const direct = await callAt(swift.url.origin, 'GET', target, {
      headers: { 'X-Auth-Token': swift.token },
    });
    assert.deepEqual(withoutDate(answer.rawHeaders), withoutDate(direct.rawHeaders));
  });

  it('makes up no header where a request has none', async () => {
    const { proxy, swift } = bench();
    for (const method of ['PUT', 'POST', 'DELETE', 'GET']) {
      await exchange(
        endpointOf(proxy.origin),
        head(method, '/v1/AUTH_test/c/o', { 'X-Auth-Token': swift.token }),
      );
    }
    const sent = ['Host', 'registry.test', 'X-Auth-Token', swift.token];
    assert.deepEqual(
      swift.received.map(({ rawHeaders }) => rawHeaders),
      [sent, sent, sent, sent],
    );
  });

  it('lets the server decide about 100-continue', async () => {
    const { proxy, swift, call } = bench();
    const put = (token: string) =>
      call('PUT', '/v1/AUTH_test/c/o', { token, body: 'held back', headers: { Expect: '100-continue' } });
    const granted = await put(swift.token);
    assert.deepEqual([granted.status, granted.continued], [201, true]);
    const refused = await put('bad');
    assert.deepEqual([refused.status, refused.continued], [401, false]);
    assert.deepEqual(
      proxy.requests.map(({ bytesUp }) => bytesUp),
      [9, 0],
    );
  });

  it('holds a sender back while the server does not read', async () => {
    const server = new Port(createServer(() => undefined)); // neither reads nor answers
    await server.open();
    const proxy = await startFaultProxy({ target: new URL(server.origin) });
    const put = request(`${proxy.origin}/v1/a/c/o`, { method: 'PUT', agent: false });
    put.on('error', () => undefined);
    const piece = Buffer.alloc(1 << 20);
    let sent = 0;
    const send = (): void => void put.write(piece, (error) => (error ? undefined : ((sent += 1), send())));
    send();
    let before = 0;
    await until('the sender waits', () => {
      const waits = sent > 0 && sent === before;
      before = sent;
      return waits;
    });
    put.destroy();
    await proxy.stop();
    await server.close();
    assert.ok(sent < 64, `${sent} MiB were taken`);
  });

  it('keeps connections of clients', async () => {
    const { proxy, swift } = bench();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    agent.on('free', (socket: Socket) => ports.add(socket.localPort));
    for (let i = 0; i < 3; i++) {
      await callAt(proxy.origin, 'GET', '/v1/AUTH_test/c/o', {
        agent,
        headers: { 'X-Auth-Token': swift.token },
      });
    }
    agent.destroy();
    assert.equal(ports.size, 1);
  });

  it('records requests without their secrets', async () => {
    const { proxy, swift, call } = bench();
    const query = 'temp_url_sig=0123abcd&temp_url_expires=1';
    await call('PUT', `/v1/AUTH_test/c/a%20b?${query}`, { body: 'four', headers: { 'If-None-Match': '*' } });
    await call('GET', '/v1/AUTH_test/c/a%20b');
    const [put, get] = proxy.requests;
    assert.deepEqual(put, {
      at: 1,
      method: 'PUT',
      path: '/v1/AUTH_test/c/a b',
      query: 'temp_url_sig=&temp_url_expires=1',
      headers: { 'content-length': '4', 'if-none-match': '*', connection: 'close' },
      status: 201,
      bytesUp: 4,
      bytesDown: 0,
      injected: undefined,
    });
    assert.deepEqual([get?.at, get?.bytesUp, get?.bytesDown], [2, 0, 4]);
    assert.doesNotMatch(JSON.stringify(proxy.requests), new RegExp(`${swift.token}|0123abcd`));
    assert.equal(proxy.count({ path: /a b$/ }), 2);
    assert.equal(proxy.count({ method: 'PUT', query: /expires=1/ }), 1);
    proxy.reset();
    assert.equal(proxy.count({}), 0);
    await call('GET', '/v1/AUTH_test/c/o');
    assert.equal(proxy.requests[0]?.at, 1);
  });
});

describe('the fault proxy before a real Swift', () => {
  it('is not noticed', async function () {
    const { v1 } = await swiftBed(this);
    const login = new URL(v1.authUrl);
    const proxy = await startFaultProxy({ target: login });
    const call = (method: string, path: string, headers: Record<string, string>, body?: Buffer) =>
      callAt(proxy.origin, method, path, { headers, ...(body === undefined ? {} : { body }) });
    try {
      assert.ok(v1.credentials.kind === 'v1');
      const credentials = { 'X-Auth-User': v1.credentials.user, 'X-Auth-Key': v1.credentials.key };
      const { headers } = await call('GET', login.pathname, { ...credentials, Host: login.host });
      const storage = new URL(String(headers['x-storage-url']));
      assert.equal(storage.origin, proxy.origin);
      const token = { 'X-Auth-Token': String(headers['x-auth-token']) };
      const container = `${storage.pathname}/fault-proxy-${randomBytes(4).toString('hex')}`;
      const object = `${container}//a%2Fb%20c`;
      const body = randomBytes(2_000_000);
      assert.equal((await call('PUT', container, { ...token, 'Content-Length': '0' })).status, 201);
      const put = await call('PUT', object, { ...token, Expect: '100-continue' }, body);
      assert.deepEqual([put.status, put.continued], [201, true]);
      const refused = await call('PUT', object, { 'X-Auth-Token': 'bad', Expect: '100-continue' }, body);
      assert.deepEqual([refused.status, refused.continued], [401, false]);
      assert.equal((await exchange(endpointOf(proxy.origin), head('PUT', object, token))).status, 411);
      assert.ok((await call('GET', object, token)).body.equals(body));
      const part = await call('GET', object, { ...token, Range: 'bytes=5-9' });
      assert.deepEqual([part.status, part.body], [206, body.subarray(5, 10)]);
      assert.equal((await call('HEAD', object, token)).headers['content-length'], '2000000');
      const listing = JSON.parse(String((await call('GET', `${container}?format=json`, token)).body)) as {
        name: string;
      }[];
      assert.deepEqual(
        listing.map(({ name }) => name),
        ['/a/b c'],
      );
      assert.equal((await call('DELETE', object, token)).status, 204);
      assert.equal((await call('DELETE', container, token)).status, 204);
    } finally {
      await proxy.stop();
    }
  });
});

function withoutDate(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => !/^date$/i.test(rawHeaders[i - (i % 2)] ?? ''));
}

function endpointOf(origin: string): Endpoint {
  return { host: '127.0.0.1', port: Number(new URL(origin).port) };
}
