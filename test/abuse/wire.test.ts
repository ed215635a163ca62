import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256 } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import {
  call,
  closing,
  configBlob,
  locationOf,
  manifestOf,
  openUpload,
  pushBlob,
  putManifest,
} from './api.js';
import { Wire, chunk, exchange, head } from './wire.js';

const HEADERS_TIMEOUT = 600;
const BODY_IDLE_TIMEOUT = 3000;

describe('connections of clients that mean no good', function () {
  this.timeout(60_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer({
      env: {
        STACKYARD_SERVER_HEADERS_TIMEOUT: `${HEADERS_TIMEOUT}ms`,
        STACKYARD_SERVER_BODY_IDLE_TIMEOUT: `${BODY_IDLE_TIMEOUT}ms`,
        STACKYARD_SERVER_KEEP_ALIVE_TIMEOUT: '700ms',
      },
    });
  });
  after(() => server.stop());

  it('answers 431 to 64 KiB of headers, in one line or many', async () => {
    const one = head('GET', '/v2/', { 'X-Large': 'x'.repeat(64 * 1024) });
    const many = head(
      'GET',
      '/v2/',
      Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`X-${i}`, 'x'.repeat(60)])),
    );
    for (const request of [one, many, head('GET', `/v2/${'a'.repeat(64 * 1024)}/tags/list`)])
      assert.equal((await exchange(server, request)).status, 431);
    assert.equal(
      (await exchange(server, head('GET', '/v2/', { 'X-Large': 'x'.repeat(16 * 1024) }))).status,
      200,
    );
  });

  it('drops a client that dribbles its headers', async () => {
    const wire = await Wire.open(server);
    await wire.send('GET /v2/ HTTP/1.1\r\nHost: x\r\n');
    const began = performance.now();
    while (!wire.isClosed) {
      assert.ok(performance.now() - began < 15_000, 'it is still there');
      await wire.send('X-Y: z\r\n');
      await delay(50); // faster than any timeout of silence
    }
    assert.ok(performance.now() - began > HEADERS_TIMEOUT - 100, 'it had its time');
    assert.match(wire.rest.toString(), /^HTTP\/1\.1 408 /);
  });

  it('drops one that dribbles the headers of its second request', async () => {
    const wire = await Wire.open(server);
    await wire.send(head('GET', '/v2/'));
    assert.equal((await wire.answer()).status, 200);
    await wire.send('GET /v2/ HTTP/1.1\r\nHost: x\r\n');
    const began = performance.now();
    while (!wire.isClosed) {
      assert.ok(performance.now() - began < 15_000, 'it is still there');
      await wire.send('X-Y: z\r\n');
      await delay(50);
    }
  });

  it('drops silent connections, new ones and ones that had an answer', async () => {
    const silent = await Wire.open(server);
    const idle = await Wire.open(server);
    await idle.send(head('GET', '/v2/'));
    assert.equal((await idle.answer()).status, 200);
    await Promise.all([silent.closed(), idle.closed()]);
  });

  it('refuses requests whose length two parties could read differently, and takes nothing for a second one', async () => {
    const location = await openUpload(server, 'smuggled');
    const inner = head('DELETE', location);
    const both = 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n';
    const shapes: Record<string, string> = {
      'both lengths': `PATCH ${location} HTTP/1.1\r\nHost: x\r\n${both}\r\n0\r\n\r\n${inner}`,
      'both, the other way round': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inner}`,
      'two different lengths': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      'a list of lengths': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 0, ${inner.length}\r\n\r\n${inner}`,
      'a length with a sign': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n${inner}`,
      'a hexadecimal length': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n${inner}`,
      'a negative length': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n${inner}`,
      'a length beyond 64 bits': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: ${'9'.repeat(40)}\r\n\r\n${inner}`,
      'an unknown coding': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
      'chunked not last': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
      'a space before the colon': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
      'a folded header': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${inner}`,
      'a chunk size that is none': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${inner}`,
      'a negative chunk size': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n${inner}`,
      'a chunk size beyond 64 bits': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n${inner}`,
      'a chunk longer than its size': `PATCH ${location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${inner}`,
      'bare line feeds': `PATCH ${location} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n${inner}`,
      'no host': 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n',
      'HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`,
      'no HTTP': `\u0016\u0003\u0001\u0002\u0000${inner}`,
      'a method that is none': `FOO /v2/ HTTP/1.1\r\nHost: x\r\n\r\n${inner}`,
    };
    for (const [shape, request] of Object.entries(shapes)) {
      const wire = await Wire.open(server);
      await wire.send(Buffer.from(request, 'latin1'));
      await wire.closed();
      const text = wire.rest.toString('latin1');
      assert.ok(!/HTTP\/1\.1 2\d\d/.test(text), `${shape}: ${text.slice(0, 300)}`);
      assert.equal(
        (await call(server, 'GET', location)).status,
        204,
        `${shape}: the smuggled DELETE was obeyed`,
      );
    }
  });

  it('answers pipelined requests in their order', async () => {
    const blob = randomBytes(3 * 1024 * 1024);
    const digest = await pushBlob(server, 'pipelined', blob);
    const config = configBlob();
    await pushBlob(server, 'pipelined', config.bytes);
    const manifest = manifestOf(config, 'pipelined');
    await putManifest(server, 'pipelined', 't', manifest);
    const location = await openUpload(server, 'pipelined');
    const wire = await Wire.open(server);
    const requests: [string, number, Buffer | undefined][] = [
      [head('GET', `/v2/pipelined/blobs/${digest}`), 200, blob],
      [head('GET', '/v2/'), 200, Buffer.from('{}')],
      [head('GET', '/v2/BAD/tags/list'), 400, undefined],
      [`${head('PATCH', location, { 'Content-Length': 5 })}hello`, 202, Buffer.alloc(0)],
      [head('GET', '/nowhere'), 404, undefined],
      [head('GET', '/v2/pipelined/manifests/t'), 200, manifest.bytes],
      [`${head('PUT', '/v2/pipelined/manifests/x', { 'Content-Length': 2 })}{}`, 400, undefined],
      [head('GET', '/healthz'), 200, undefined],
      [head('GET', `/v2/pipelined/blobs/${digest}`, { Range: 'bytes=0-9' }), 206, blob.subarray(0, 10)],
    ];
    await wire.send(requests.map(([text]) => text).join(''));
    for (const [text, status, body] of requests) {
      const answer = await wire.answer();
      assert.equal(answer.status, status, text.split('\r\n')[0]);
      if (body !== undefined) assert.ok(answer.body.equals(body), text.split('\r\n')[0]);
    }
    assert.equal(wire.rest.length, 0);
    wire.socket.destroy();
  });

  it('answers an error before the body of a client that waits for 100 Continue', async () => {
    const large = { Expect: '100-continue', 'Content-Length': 50_000_000 };
    const session = await openUpload(server, 'expecting');
    const cases: [string, number][] = [
      [head('PUT', '/v2/expecting/manifests/t', large), 413],
      [head('POST', '/v2/BAD/blobs/uploads/', large), 400],
      [head('PATCH', '/v2/expecting/blobs/uploads/unknown', large), 404],
      [head('PATCH', session, { ...large, 'Content-Range': '5-50000004' }), 416],
      [head('PUT', session, large), 400],
      [head('PUT', '/v2/expecting/blobs/sha256:x', large), 405],
    ];
    for (const [request, status] of cases) {
      const wire = await Wire.open(server);
      await wire.send(request);
      const answer = await wire.answer();
      assert.equal(answer.status, status, request.split('\r\n')[0]);
      wire.socket.destroy();
    }
  });

  it('tells a client that waits to go on where its body is wanted', async () => {
    const blob = randomBytes(10_000);
    const wire = await Wire.open(server);
    const location = await openUpload(server, 'expected');
    await wire.send(head('PATCH', location, { Expect: '100-continue', 'Content-Length': blob.length }));
    assert.equal((await wire.answer()).status, 100);
    await wire.send(blob);
    const patched = await wire.answer();
    assert.equal(patched.status, 202);
    const next = patched.headers.get('location') ?? '';
    assert.equal((await call(server, 'PUT', closing(next, sha256(blob)))).status, 201);
    wire.socket.destroy();
  });

  it('refuses an expectation that it does not know', async () => {
    assert.equal(
      (await exchange(server, head('GET', '/v2/', { Expect: 'more', Connection: 'close' }))).status,
      417,
    );
  });

  it('lets a client that sends all before it reads see an early error', async () => {
    const sent = 8 * 1024 * 1024;
    for (let i = 0; i < 5; i++) {
      for (const [method, target] of [
        ['PATCH', '/v2/early/blobs/uploads/unknown'],
        ['POST', '/v2/BAD/blobs/uploads/'],
        ['PUT', '/nowhere'],
      ] as const) {
        const wire = await Wire.open(server);
        await wire.send(head(method, target, { 'Content-Length': sent }));
        await wire.send(Buffer.alloc(sent));
        assert.ok(!wire.isClosed, 'the connection was reset while the body was sent');
        const answer = await wire.answer();
        assert.ok([400, 404].includes(answer.status));
        assert.equal(answer.headers.get('connection'), 'close');
        await wire.closed();
      }
    }
  });

  it('keeps the connection after an error that left nothing unread', async () => {
    const wire = await Wire.open(server);
    for (const target of [
      '/v2/BAD/tags/list',
      '/v2/none/tags/list',
      '/nowhere',
      '/v2/none/manifests/t',
      `/v2/none/blobs/sha256:${'a'.repeat(64)}`,
    ]) {
      await wire.send(head('GET', target));
      const answer = await wire.answer();
      assert.ok(answer.status >= 400);
      assert.equal(answer.headers.get('connection'), 'keep-alive', target);
    }
    wire.socket.destroy();
  });

  it('holds an upload together whatever the size of its chunks', async () => {
    const blob = randomBytes(20_000);
    const location = await openUpload(server, 'chunks');
    const wire = await Wire.open(server);
    const pieces: Buffer[] = [];
    for (let at = 0, size = 1; at < blob.length; at += size, size = (size * 7) % 997)
      pieces.push(chunk(blob.subarray(at, at + size)));
    await wire.send(head('PATCH', location, { 'Transfer-Encoding': 'chunked', Trailer: 'X-T' }));
    await wire.send(Buffer.concat(pieces));
    await wire.send('0;extension=1\r\nX-T: trailer\r\n\r\n');
    const patched = await wire.answer();
    assert.equal(patched.headers.get('range'), `0-${blob.length - 1}`);
    const headers = Object.fromEntries(patched.headers);
    assert.equal((await call(server, 'PUT', closing(locationOf({ headers }), sha256(blob)))).status, 201);
    wire.socket.destroy();
  });

  it('is unharmed by all of this', async () => {
    assert.equal((await call(server, 'GET', '/readyz')).status, 200);
    assert.deepEqual(
      server.log.filter((line) => line['level'] === 'error'),
      [],
    );
  });
});
