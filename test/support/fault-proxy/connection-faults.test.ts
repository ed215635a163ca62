import assert from 'node:assert/strict';
import { until, within } from '../../abuse/deadline.js';
import { head, Wire } from '../../abuse/wire.js';
import { cut, reset, slow, timeout } from './faults.js';
import { callAt, onProxyBench } from './proxy-bench.js';

const OBJECT = '/v1/AUTH_test/c/o';
const BROKEN = /ECONNRESET|EPIPE|socket hang up|aborted/;

describe('the fault proxy: connections that break', () => {
  const bench = onProxyBench();

  /** A request on a connection of its own, once that is closed. */
  const ended = async (method: string, path: string) => {
    const { proxy, swift } = bench();
    const wire = await Wire.open({ host: '127.0.0.1', port: Number(new URL(proxy.origin).port) });
    let error: string | undefined;
    wire.socket.on('error', ({ code }: NodeJS.ErrnoException) => (error = code));
    await wire.send(head(method, path, { 'X-Auth-Token': swift.token }));
    await wire.closed();
    return { wire, error };
  };

  it('never answers, until the rule is removed', async () => {
    const { proxy, swift, call } = bench();
    const rule = proxy.inject({ fault: timeout() });
    let settled = false;
    const held = call('GET', OBJECT).finally(() => (settled = true));
    held.catch(() => undefined);
    await assert.rejects(call('PUT', OBJECT, { body: 'x', signal: AbortSignal.timeout(50) }), /abort/i);
    assert.deepEqual([settled, rule.hits, swift.received.length], [false, 2, 0]);
    rule.remove();
    await assert.rejects(held, BROKEN);
    assert.equal((await call('GET', OBJECT)).status, 404);
  });

  it('never answers what the server did', async () => {
    const { proxy, swift, call } = bench();
    proxy.inject({ fault: timeout({ afterTheFact: true }) });
    await assert.rejects(call('PUT', OBJECT, { body: 'done', signal: AbortSignal.timeout(200) }), /abort/i);
    assert.equal(String(swift.objects.get(OBJECT)), 'done');
  });

  it('resets before an answer, and after the fact', async () => {
    const { proxy, swift, call } = bench();
    proxy.inject({ times: 1, fault: reset() });
    assert.equal((await ended('GET', OBJECT)).error, 'ECONNRESET');
    assert.equal(swift.received.length, 0);
    proxy.inject({ times: 1, fault: reset({ afterTheFact: true }) });
    await assert.rejects(call('PUT', OBJECT, { body: 'done' }), { code: 'ECONNRESET' });
    assert.equal(String(swift.objects.get(OBJECT)), 'done');
    assert.deepEqual(
      proxy.requests.map((request) => request.status),
      [undefined, undefined],
    );
  });

  for (const [name, broken] of Object.entries({ reset, cut })) {
    it(`${name}: ends a request's body midway, for the server too`, async () => {
      const { proxy, swift, call } = bench();
      swift.objects.set(OBJECT, Buffer.from('former'));
      proxy.inject({ fault: broken({ requestBytes: 100_000 }) });
      await assert.rejects(call('PUT', OBJECT, { body: Buffer.alloc(500_000, 1) }), BROKEN);
      const received = await until('the request is at the server', () => swift.received[0]);
      await within('its end is there', 5000, received.over);
      assert.deepEqual([received.body.length, received.whole], [100_000, false]);
      assert.equal(String(swift.objects.get(OBJECT)), 'former');
    });

    it(`${name}: ends an answer's body midway`, async () => {
      const { proxy, swift } = bench();
      swift.objects.set(OBJECT, Buffer.alloc(500_000, 1));
      proxy.inject({ fault: broken({ responseBytes: 100_000 }) });
      const { wire } = await ended('GET', OBJECT);
      const received = wire.rest;
      assert.match(received.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 500000\r\n/s);
      assert.equal(received.length - received.indexOf('\r\n\r\n') - 4, 100_000);
      assert.equal(proxy.requests[0]?.bytesDown, 100_000);
    });
  }

  it('closes in good order where it cuts, and else resets', async () => {
    const { proxy } = bench();
    proxy.inject({ times: 1, fault: cut({ requestBytes: 0 }) });
    assert.equal((await ended('GET', OBJECT)).error, undefined);
    proxy.inject({ times: 1, fault: reset({ requestBytes: 0 }) });
    assert.equal((await ended('GET', OBJECT)).error, 'ECONNRESET');
  });

  it('passes bodies slowly', async () => {
    const { proxy, swift, call } = bench();
    const body = Buffer.alloc(4000, 7);
    for (const [method, pace] of [
      ['PUT', { up: 20_000 }],
      ['GET', { down: 20_000 }],
    ] as const) {
      const rule = proxy.inject({ match: { method }, fault: slow(pace) });
      const began = performance.now();
      await call(method, OBJECT, method === 'PUT' ? { body } : {});
      assert.ok(performance.now() - began >= 190, `${method} took ${performance.now() - began} ms`);
      assert.equal(rule.hits, 1);
    }
    assert.ok(swift.objects.get(OBJECT)?.equals(body));
  });

  it('refuses connections while it is down, and comes back on its port', async () => {
    const { proxy, swift, call } = bench();
    proxy.inject({ match: { path: /held/ }, fault: timeout() });
    const held = call('GET', '/v1/AUTH_test/c/held');
    held.catch(() => undefined);
    await call('GET', OBJECT);
    await proxy.down();
    await assert.rejects(held, BROKEN);
    await assert.rejects(call('GET', OBJECT), { code: 'ECONNREFUSED' });
    await proxy.up();
    assert.equal((await call('GET', OBJECT)).status, 404);
    await proxy.down();
    await proxy.heal();
    assert.equal((await call('GET', '/v1/AUTH_test/c/held')).status, 404);
    await swift.stop();
    await assert.rejects(callAt(proxy.origin, 'GET', '/'), { code: 'ECONNRESET' }, 'a dead server shows');
  });
});
