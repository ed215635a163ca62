import assert from 'node:assert/strict';
import { until } from '../../abuse/deadline.js';
import { laggingListing, staleReads } from './faults.js';
import { onProxyBench } from './proxy-bench.js';

const CONTAINER = '/v1/AUTH_test/c';
const OBJECT = `${CONTAINER}/a%20b`;

describe('the fault proxy: reads that lag', () => {
  const bench = onProxyBench();

  const read = async (path = OBJECT, headers = {}) => {
    const { status, body } = await bench().call('GET', path, { headers });
    return [status, String(body)];
  };

  /** The rows' names or subdirectories, page after page as a client asks for them. */
  const list = async (query: Record<string, string> = {}) => {
    const keys: string[] = [];
    for (;;) {
      const last = keys.at(-1);
      const asked = new URLSearchParams({
        format: 'json',
        ...query,
        ...(last === undefined ? {} : { marker: last }),
      });
      const { body } = await bench().call('GET', `${CONTAINER}?${asked.toString()}`);
      const rows = JSON.parse(String(body)) as { name?: string; subdir?: string }[];
      assert.ok(rows.length <= Number(query['limit'] ?? Infinity), 'no page is longer than asked');
      if (rows.length === 0) return keys;
      keys.push(...rows.map(({ name, subdir }) => name ?? subdir ?? ''));
    }
  };

  const fill = (...names: string[]) => {
    for (const name of names) bench().swift.objects.set(`${CONTAINER}/${name}`, Buffer.from(name));
  };

  it('an object is as it was before the last write', async () => {
    const { proxy, call } = bench();
    const rule = proxy.inject({ match: { path: /\/a b$/ }, fault: staleReads() });
    await call('PUT', OBJECT, { body: 'first' });
    assert.equal((await read())[0], 404);
    assert.equal((await call('HEAD', OBJECT)).status, 404);
    assert.deepEqual(await read(OBJECT, { 'X-Newest': 'true' }), [200, 'first']);
    await call('PUT', OBJECT, { body: 'second' });
    assert.deepEqual(await read(), [200, 'first']);
    assert.deepEqual(await read(OBJECT, { Range: 'bytes=1-2' }), [206, 'ir']);
    await call('DELETE', OBJECT);
    assert.deepEqual(await read(), [200, 'second']);
    const stale = await call('HEAD', OBJECT);
    assert.deepEqual([stale.status, stale.headers['content-length']], [200, '6']);
    assert.equal((await read(OBJECT, { 'X-Newest': 'true' }))[0], 404);
    assert.equal(rule.hits, 6);
    rule.remove();
    assert.equal((await read())[0], 404);
  });

  it('an object deleted in bulk is still there, for X-Newest too where asked', async () => {
    const { proxy, call } = bench();
    fill('a b');
    proxy.inject({ fault: staleReads({ newestToo: true }) });
    await call('POST', '/v1/AUTH_test?bulk-delete', { body: '/c/a%20b\n/c/other\n' });
    assert.equal(bench().swift.objects.size, 0);
    assert.deepEqual(await read(OBJECT, { 'X-Newest': 'true' }), [200, 'a b']);
  });

  it('a listing lacks what was put and shows what was deleted', async () => {
    const { proxy, call } = bench();
    fill('b', 'd', 'f', 'h', 'j');
    const rule = proxy.inject({ match: { path: /\/c$/ }, fault: laggingListing() });
    for (const name of ['a', 'c', 'e', 'k']) await call('PUT', `${CONTAINER}/${name}`, { body: '' });
    for (const body of ['longer', 'longer still']) await call('PUT', `${CONTAINER}/b`, { body });
    await call('DELETE', `${CONTAINER}/d`);
    await call('POST', '/v1/AUTH_test?bulk-delete', { body: '/c/h\n/c/j\n' });
    const before = ['b', 'd', 'f', 'h', 'j'];
    for (const limit of ['1', '2', '3', '100']) assert.deepEqual(await list({ limit }), before, limit);
    assert.deepEqual(await list(), before);
    assert.deepEqual(await list({ prefix: 'd' }), ['d']);
    assert.deepEqual(await list({ end_marker: 'f' }), ['b', 'd']);
    const { body } = await call('GET', `${CONTAINER}?format=json&limit=1`);
    assert.equal(
      (JSON.parse(String(body)) as [{ bytes: number }])[0].bytes,
      1,
      'the row of the former object',
    );
    const after = ['a', 'b', 'c', 'e', 'f', 'k'];
    assert.equal(rule.hits, proxy.count({ path: /\/c$/, query: /format=json/ }));
    rule.remove();
    assert.deepEqual(await list(), after);
  });

  it('a subdirectory lags with all that is in it', async () => {
    const { proxy, call } = bench();
    fill('old/1', 'old/2', 'mixed/1', 'z');
    const rule = proxy.inject({ fault: laggingListing() });
    for (const name of ['new/1', 'new/2', 'new/3', 'mixed/2'])
      await call('PUT', `${CONTAINER}/${name}`, { body: '' });
    for (const name of ['old/1', 'old/2']) await call('DELETE', `${CONTAINER}/${name}`);
    for (const limit of ['1', '2', '100']) {
      assert.deepEqual(await list({ delimiter: '/', limit }), ['mixed/', 'old/', 'z'], limit);
    }
    assert.deepEqual(await list({ delimiter: '/', prefix: 'old/' }), ['old/1', 'old/2']);
    assert.deepEqual(await list({ delimiter: '/', prefix: 'new/' }), []);
    rule.remove();
    assert.deepEqual(await list({ delimiter: '/' }), ['mixed/', 'new/', 'z']);
  });

  it('a listing catches up by itself, and errors pass', async () => {
    const { proxy, call } = bench();
    proxy.inject({ fault: laggingListing({ ms: 300 }) });
    const began = performance.now();
    await call('PUT', `${CONTAINER}/a`, { body: '' });
    const first = await list();
    if (performance.now() - began < 300) assert.deepEqual(first, []);
    await until('the listing knows', async () => (await list()).length === 1);
    assert.ok(performance.now() - began >= 290);
    assert.equal((await call('GET', `${CONTAINER}?format=json`, { token: 'bad' })).status, 401);
  });

  it('a write that the server refuses changes nothing', async () => {
    const { proxy, call } = bench();
    fill('a b');
    proxy.inject({ fault: staleReads() });
    proxy.inject({ fault: laggingListing() });
    assert.equal((await call('DELETE', OBJECT, { token: 'bad' })).status, 401);
    assert.deepEqual(await read(), [200, 'a b']);
    assert.deepEqual(await list(), ['a b']);
  });
});
