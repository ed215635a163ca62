import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileDigests } from '../support/directories.js';
import { sha256 } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { call, closing, locationOf, openUpload, pushBlob } from './api.js';
import { until } from './deadline.js';
import { Wire, chunk, head } from './wire.js';

const MIB = 1024 * 1024;
/** Short, so that the test need not wait long; a slow upload outlasts each of them. */
const HEADERS_TIMEOUT = 500;
const BODY_IDLE_TIMEOUT = 1500;
const EMPTY = createHash('sha256').digest('hex');

describe('uploads that go wrong', function () {
  this.timeout(60_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer({
      env: {
        STACKYARD_SERVER_HEADERS_TIMEOUT: `${HEADERS_TIMEOUT}ms`,
        STACKYARD_SERVER_KEEP_ALIVE_TIMEOUT: '500ms',
        STACKYARD_SERVER_BODY_IDLE_TIMEOUT: `${BODY_IDLE_TIMEOUT}ms`,
      },
    });
  });
  after(() => server.stop());

  /** The session's Location and how many bytes it holds, once it holds any. */
  async function received(location: string): Promise<{ location: string; bytes: number }> {
    return until('the session holds bytes', async () => {
      const status = await call(server, 'GET', location);
      assert.equal(status.status, 204);
      const [, end = ''] = /^0-(\d+)$/.exec(String(status.headers['range'])) ?? [];
      return end !== '0' && { location: locationOf(status), bytes: Number(end) + 1 };
    });
  }

  /** Sends what is missing from where the session says it is, and pulls everything. */
  async function resume(
    repository: string,
    session: { location: string; bytes: number },
    blob: Buffer,
  ): Promise<void> {
    const rest = blob.subarray(session.bytes);
    const patched = await call(server, 'PATCH', session.location, {
      headers: {
        'content-range': `${session.bytes}-${blob.length - 1}`,
        'content-length': String(rest.length),
      },
      body: rest,
    });
    assert.equal(patched.status, 202);
    assert.equal(patched.headers['range'], `0-${blob.length - 1}`);
    const closed = await call(server, 'PUT', closing(locationOf(patched), sha256(blob)));
    assert.equal(closed.status, 201);
    const pulled = await call(server, 'GET', `/v2/${repository}/blobs/${sha256(blob)}`);
    assert.ok(pulled.body.equals(blob), 'the pulled blob is the pushed one');
  }

  it('keeps what came of a PATCH that ends early, and the client resumes there', async () => {
    const blob = randomBytes(3 * MIB);
    const sent = MIB + 12_345;
    const location = await openUpload(server, 'cut/length');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Content-Length': blob.length }));
    await wire.send(blob.subarray(0, sent));
    await wire.end();
    const session = await received(location);
    assert.equal(session.bytes, sent);
    await resume('cut/length', session, blob);
  });

  it('does so for a chunked body that ends within a chunk', async () => {
    const blob = randomBytes(3 * MIB);
    const location = await openUpload(server, 'cut/chunked');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Transfer-Encoding': 'chunked' }));
    await wire.send(chunk(blob.subarray(0, MIB)));
    await wire.send(chunk(blob.subarray(MIB, 2 * MIB)).subarray(0, 5000)); // 5 digits and CR LF, then 4,993 bytes
    await wire.end();
    const session = await received(location);
    assert.equal(session.bytes, MIB + 5000 - '100000\r\n'.length);
    await resume('cut/chunked', session, blob);
  });

  it('does so for a connection that is reset', async () => {
    const blob = randomBytes(2 * MIB);
    const location = await openUpload(server, 'cut/reset');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Content-Length': blob.length }));
    await wire.send(blob.subarray(0, MIB));
    // A reset may overtake bytes; a pause of the body shows that they were read.
    await until('the body is being stored', async () =>
      [...(await fileDigests(`${server.root}/stackyard/segments`)).values()].some(
        (digest) => digest !== EMPTY,
      ),
    );
    wire.reset();
    const session = await received(location);
    assert.ok(session.bytes <= MIB);
    await resume('cut/reset', session, blob);
  });

  it('does so for a body with a malformed chunk', async () => {
    const blob = randomBytes(2 * MIB);
    const location = await openUpload(server, 'cut/malformed');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Transfer-Encoding': 'chunked' }));
    await wire.send(chunk(blob.subarray(0, MIB)));
    await wire.send('this is no chunk size\r\n');
    await wire.closed();
    const session = await received(location);
    assert.equal(session.bytes, MIB);
    await resume('cut/malformed', session, blob);
  });

  it('drops a body that stops, and keeps what came', async () => {
    const blob = randomBytes(2 * MIB);
    const location = await openUpload(server, 'stalled');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Content-Length': blob.length }));
    await wire.send(blob.subarray(0, MIB));
    const began = performance.now();
    await wire.closed();
    assert.ok(performance.now() - began > BODY_IDLE_TIMEOUT - 100, 'it was given the time to go on');
    const session = await received(location);
    assert.equal(session.bytes, MIB);
    await resume('stalled', session, blob);
  });

  it('never ends a slow honest upload', async () => {
    const blob = randomBytes(60_000);
    const location = await openUpload(server, 'slow');
    const wire = await Wire.open(server);
    const began = performance.now();
    await wire.send(head('PATCH', location, { 'Content-Length': blob.length }));
    for (let at = 0; at < blob.length; at += 2000) {
      await wire.send(blob.subarray(at, at + 2000));
      await delay(90); // the pace is what is tested
    }
    const patched = await wire.answer();
    const took = performance.now() - began;
    assert.ok(took > BODY_IDLE_TIMEOUT + HEADERS_TIMEOUT, `it took only ${took} ms`);
    assert.equal(patched.status, 202);
    const closed = await call(server, 'PUT', closing(patched.headers.get('location') ?? '', sha256(blob)));
    assert.equal(closed.status, 201);
    wire.socket.destroy();
  });

  for (const [shape, push] of Object.entries<
    (location: string, blob: Buffer, digest: string) => ReturnType<typeof call>
  >({
    'a PUT of the whole blob': (location, body, digest) =>
      call(server, 'PUT', closing(location, digest), { body }),
    'a chunked PUT of the whole blob': (location, body, digest) =>
      call(server, 'PUT', closing(location, digest), { body, headers: { 'transfer-encoding': 'chunked' } }),
    'a PATCH and an empty PUT': async (location, body, digest) =>
      call(server, 'PUT', closing(locationOf(await call(server, 'PATCH', location, { body })), digest)),
    'a PATCH and a PUT of the last chunk': async (location, body, digest) => {
      const first = await call(server, 'PATCH', location, { body: body.subarray(0, 5) });
      return call(server, 'PUT', closing(locationOf(first), digest), { body: body.subarray(5) });
    },
    'one POST': (_, body, digest) =>
      call(server, 'POST', `/v2/wrong/blobs/uploads/?digest=${digest}`, { body }),
    'one POST in sha512': (_, body) =>
      call(
        server,
        'POST',
        `/v2/wrong/blobs/uploads/?digest=sha512:${createHash('sha512').update('x').digest('hex')}`,
        { body },
      ),
  })) {
    it(`refuses a wrong digest in ${shape}, and nothing becomes readable`, async () => {
      const blob = randomBytes(200_000);
      const claimed = sha256(randomBytes(8));
      const location = await openUpload(server, 'wrong');
      const before = await fileDigests(`${server.root}/docker`);
      const refused = await push(location, blob, claimed);
      assert.deepEqual([refused.status, refused.code], [400, 'DIGEST_INVALID']);
      for (const digest of [claimed, sha256(blob)])
        assert.equal((await call(server, 'GET', `/v2/wrong/blobs/${digest}`)).status, 404);
      assert.deepEqual(await fileDigests(`${server.root}/docker`), before);
      if (!shape.startsWith('one POST'))
        assert.equal((await call(server, 'GET', location)).status, 404, 'the session is over');
    });
  }

  it('answers every malformed Content-Range with an error, and the session goes on', async () => {
    const blob = randomBytes(1000);
    const location = locationOf(
      await call(server, 'PATCH', await openUpload(server, 'ranges'), { body: blob.subarray(0, 400) }),
    );
    const malformed = [
      '',
      '-',
      '400',
      '400-',
      '-999',
      '999-400',
      '400-999/1000',
      'bytes 400-999/1000',
      'bytes=400-999',
      '400-999,1000-1001',
      '4e2-999',
      '0x190-999',
      '400-99999999999999999999',
      ' 400 - 999',
      'NaN-NaN',
      '-400--999',
      '400-998',
      '401-1000',
      '0-599',
      '٤٠٠-٩٩٩',
      '9'.repeat(5000) + '-9',
    ];
    for (const method of ['PATCH', 'PUT']) {
      const target = method === 'PATCH' ? location : closing(location, sha256(blob));
      for (const range of malformed) {
        const answer = await call(server, method, target, {
          headers: { 'content-range': Buffer.from(range).toString('latin1') },
          body: blob.subarray(400),
        });
        assert.ok([400, 416].includes(answer.status), `${method} with ${range} is answered ${answer.status}`);
        assert.match(answer.code ?? '', /^(RANGE|SIZE)_INVALID$/);
      }
    }
    await resume('ranges', await received(location), blob);
  });

  it('answers a malformed Range of a pull as RFC 9110 wants it', async () => {
    const blob = randomBytes(1000);
    const digest = await pushBlob(server, 'pull-ranges', blob);
    const whole = ['', 'items=0-9', 'bytes=0-1,3-4', 'BYTES', 'bytes 0-9', '0-9'];
    const unsatisfiable = [
      'bytes=',
      'bytes=-',
      'bytes=a-b',
      'bytes=9-3',
      'bytes=1000-',
      'bytes=-0',
      'bytes=--5',
      'bytes=1e1-20',
      'bytes=0x0-9',
      `bytes=${'9'.repeat(400)}-`,
      'bytes=99999999999999999999-',
    ];
    const partial: [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=999-', 999, 999],
      ['bytes=-1', 999, 999],
      ['bytes=-5000', 0, 999],
      [`bytes=10-${'9'.repeat(400)}`, 10, 999],
      [`bytes=-${'9'.repeat(400)}`, 0, 999],
    ];
    const pull = (range: string) =>
      call(server, 'GET', `/v2/pull-ranges/blobs/${digest}`, { headers: { range } });
    for (const range of whole) {
      const answer = await pull(range);
      assert.deepEqual([answer.status, answer.body.length], [200, 1000], range);
    }
    for (const range of unsatisfiable) {
      const answer = await pull(range);
      assert.deepEqual([answer.status, answer.headers['content-range']], [416, 'bytes */1000'], range);
    }
    for (const [range, start, end] of partial) {
      const answer = await pull(range);
      assert.deepEqual(
        [answer.status, answer.headers['content-range']],
        [206, `bytes ${start}-${end}/1000`],
        range,
      );
      assert.ok(answer.body.equals(blob.subarray(start, end + 1)), range);
    }
  });

  it("does not take another repository's upload id", async () => {
    const blob = randomBytes(1000);
    const location = locationOf(
      await call(server, 'PATCH', await openUpload(server, 'mine'), { body: blob }),
    );
    const stolen = location.replace('/v2/mine/', '/v2/theirs/');
    assert.notEqual(stolen, location);
    for (const [method, target] of [
      ['GET', stolen],
      ['PATCH', stolen],
      ['PUT', closing(stolen, sha256(blob))],
      ['DELETE', stolen],
    ] as const) {
      const answer = await call(server, method, target, method === 'PATCH' ? { body: 'x' } : {});
      assert.equal(answer.status, 404, method);
      if (method !== 'GET') assert.equal(answer.code, 'BLOB_UPLOAD_UNKNOWN', method);
    }
    assert.equal((await call(server, 'PUT', closing(location, sha256(blob)))).status, 201);
    assert.equal((await call(server, 'GET', `/v2/theirs/blobs/${sha256(blob)}`)).status, 404);
  });

  it('does not take a tampered upload id or state', async () => {
    const blob = randomBytes(1000);
    const location = locationOf(
      await call(server, 'PATCH', await openUpload(server, 'tampered'), { body: blob }),
    );
    const [path = '', query = ''] = location.split('?');
    const id = path.slice(path.lastIndexOf('/') + 1);
    const parts = id.split('.');
    assert.ok(parts.length > 2, 'the id has parts to tamper with');
    const ids = [
      ...parts.map((part, index) => parts.with(index, part === '' ? 'YQ' : flipped(part)).join('.')),
      ...parts.map((_, index) => parts.toSpliced(index, 1).join('.')),
      `${id}.`,
      `${id}.x`,
      `.${id}`,
      id.toUpperCase(),
      'x',
      '.....',
      '%00',
      '..',
      '%2e%2e',
      'a'.repeat(8000),
      encodeURIComponent('../../x'),
    ];
    for (const tampered of ids) {
      const answer = await call(server, 'PATCH', `/v2/tampered/blobs/uploads/${tampered}?${query}`, {
        body: 'x',
      });
      assert.equal(answer.status, 404, tampered);
    }
    for (const state of [
      '',
      '5',
      '-1--1',
      '0-5',
      '3-9',
      '0-9999999999999999',
      '9999999999999999-1',
      '5-5',
      'a-b',
      '0-1000-2',
      '99999999999999999999-9',
    ]) {
      const answer = await call(server, 'GET', `${path}?_state=${state}`);
      assert.deepEqual([answer.status, answer.headers['range']], [204, '0-999'], state);
    }
    assert.equal((await call(server, 'PUT', closing(location, sha256(blob)))).status, 201);
  });
});

function flipped(text: string): string {
  const last = text.at(-2) ?? text.at(-1);
  return text.length > 1 ? text.slice(0, -2) + (last === 'a' ? 'b' : 'a') + text.slice(-1) : `${text}${text}`;
}
