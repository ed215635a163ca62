import assert from 'node:assert/strict';
import { corrupt, expiredToken, lost, rewrite, status } from './faults.js';
import { onProxyBench } from './proxy-bench.js';

const OBJECT = '/v1/AUTH_test/c/o';

describe('the fault proxy: answers that are wrong', () => {
  const bench = onProxyBench();

  for (const code of [401, 429, 498, 503, 504]) {
    it(`answers ${code} in the server's place`, async () => {
      const { proxy, swift, call } = bench();
      const fault = status(code, code === 503 ? { retryAfter: 7 } : {});
      const rule = proxy.inject({ match: { method: 'PUT' }, times: 1, fault });
      const answer = await call('PUT', OBJECT, { body: 'x' });
      assert.equal(answer.status, code);
      assert.equal(answer.headers['retry-after'], code === 503 ? '7' : undefined);
      assert.equal(answer.headers['www-authenticate'] !== undefined, code === 401);
      assert.equal(swift.received.length, 0);
      assert.equal((await call('PUT', OBJECT, { body: 'x' })).status, 201);
      assert.equal(rule.hits, 1);
      assert.deepEqual(
        proxy.requests.map((request) => [request.status, request.injected]),
        [
          [code, rule],
          [201, undefined],
        ],
      );
    });
  }

  it('answers before the body, or after it', async () => {
    const { proxy, swift, call } = bench();
    const put = () => call('PUT', OBJECT, { body: 'held back', headers: { Expect: '100-continue' } });
    const early = proxy.inject({ fault: status(503) });
    assert.deepEqual(await put().then((answer) => [answer.status, answer.continued]), [503, false]);
    early.remove();
    proxy.inject({ fault: status(503, { afterBody: true }) });
    assert.deepEqual(await put().then((answer) => [answer.status, answer.continued]), [503, true]);
    assert.deepEqual(
      proxy.requests.map((request) => request.bytesUp),
      [0, 9],
    );
    assert.equal(swift.received.length, 0);
  });

  it('loses the answer to what the server did', async () => {
    const { proxy, swift, call } = bench();
    proxy.inject({ times: 1, fault: status(504, { afterTheFact: true }) });
    assert.equal((await call('PUT', OBJECT, { body: 'done' })).status, 504);
    assert.equal(String(swift.objects.get(OBJECT)), 'done');
  });

  it('answers early while a large body comes, and the connection goes on', async () => {
    const { proxy, call } = bench();
    proxy.inject({ times: 1, fault: status(429) });
    assert.equal((await call('PUT', OBJECT, { body: Buffer.alloc(3_000_000) })).status, 429);
    assert.equal((await call('GET', OBJECT)).status, 404);
  });

  it('kills one token for every request, until another is used', async () => {
    const { proxy, swift, call } = bench();
    swift.objects.set(OBJECT, Buffer.from('content'));
    const rule = proxy.inject({ match: { method: 'GET', nth: 2 }, fault: expiredToken() });
    const statuses = [];
    for (const method of ['GET', 'GET', 'GET', 'HEAD']) statuses.push((await call(method, OBJECT)).status);
    assert.deepEqual(statuses, [200, 401, 401, 401]);
    const token = await bench().logIn();
    assert.notEqual(token, swift.token);
    assert.equal((await call('GET', OBJECT, { token })).status, 200);
    assert.equal((await call('GET', OBJECT)).status, 401);
    assert.equal(rule.hits, 4);
    proxy.inject({ fault: expiredToken() });
    assert.equal((await call('GET', OBJECT, { token })).status, 401, 'the new token dies as well');
    const third = await bench().logIn();
    assert.equal((await call('GET', OBJECT, { token: third })).status, 200);
  });

  it('loses an object for reads alone', async () => {
    const { proxy, swift, call } = bench();
    swift.objects.set(OBJECT, Buffer.from('content'));
    const rule = proxy.inject({ match: { path: /\/c\/o$/ }, fault: lost() });
    assert.equal((await call('PUT', OBJECT, { body: 'more' })).status, 201);
    assert.equal((await call('GET', OBJECT)).status, 404);
    assert.equal((await call('HEAD', OBJECT)).status, 404);
    assert.equal((await call('GET', '/v1/AUTH_test/c?format=json')).status, 200);
    assert.equal(rule.hits, 2);
    rule.remove();
    assert.equal(String((await call('GET', OBJECT)).body), 'more');
  });

  it('corrupts one byte, wherever chunks begin', async () => {
    const { proxy, swift, call } = bench();
    const bytes = Buffer.alloc(300_000, 0x41);
    swift.objects.set(OBJECT, bytes);
    for (const offset of [0, 65_536, 299_999]) {
      const rule = proxy.inject({ fault: corrupt({ offset }) });
      const { body } = await call('GET', OBJECT);
      assert.equal(body.length, bytes.length);
      assert.deepEqual(
        [...body.entries()].filter(([, byte]) => byte !== 0x41),
        [[offset, 0x40]],
      );
      rule.remove();
    }
  });

  it('rewrites an answer', async () => {
    const { proxy, swift, call } = bench();
    swift.objects.set(OBJECT, Buffer.from('content'));
    proxy.inject({
      match: { query: /^bulk-delete$/ },
      fault: rewrite((answer) => {
        const report = JSON.parse(String(answer.body)) as object;
        const body = Buffer.from(JSON.stringify({ ...report, 'Response Status': '500 Internal Error' }));
        return { ...answer, headers: [...answer.headers, 'X-Extra', '1'], body };
      }),
    });
    const answer = await call('POST', '/v1/AUTH_test?bulk-delete', { body: '/c/o\n' });
    assert.deepEqual([answer.status, answer.headers['x-extra']], [200, '1']);
    assert.equal(answer.headers['content-length'], String(answer.body.length));
    assert.deepEqual(JSON.parse(String(answer.body)), {
      'Response Status': '500 Internal Error',
      'Number Deleted': 1,
    });
  });

  it('hits the nth request, so many times, the first of two faults', async () => {
    const { proxy, call } = bench();
    const nth = proxy.inject({ match: { path: /\/nth$/, nth: 2 }, fault: status(500) });
    const twice = proxy.inject({ match: { path: /\/c\// }, times: 2, fault: status(501) });
    const statuses = [];
    for (const name of ['nth', 'nth', 'nth', 'nth']) {
      statuses.push((await call('GET', `/v1/AUTH_test/c/${name}`)).status);
    }
    assert.deepEqual(statuses, [501, 500, 501, 404]);
    assert.deepEqual([nth.hits, twice.hits], [1, 2]);
  });
});
