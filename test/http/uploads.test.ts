import assert from 'node:assert/strict';
import { DAY, onEveryStore } from '../support/in-process.js';
import { withFaults } from '../registry/faulty.js';
import { Client, digestOf, withDigest } from './client.js';
import { bytesOf } from './content.js';

const FIRST = bytesOf(10, 1);
const SECOND = bytesOf(5, 2);
const WHOLE = Buffer.concat([FIRST, SECOND]);
const DIGEST = digestOf(WHOLE);
const NONE = Buffer.alloc(0);

onEveryStore('upload sessions', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  const assertBlob = async (digest: string, bytes: Buffer, name = 'a'): Promise<void> => {
    const answer = (await client.get(`/v2/${name}/blobs/${digest}`)).expect(200);
    assert.ok(answer.body.equals(bytes));
    assert.equal(digestOf(answer.body, digest.split(':')[0]), digest);
  };

  it('POST answers Location, Range, UUID and no body, with or without the slash, whatever it carries', async () => {
    const posts: [string, Record<string, string>, string | undefined][] = [
      ['/v2/a/blobs/uploads/', {}, undefined],
      ['/v2/a/blobs/uploads', {}, undefined],
      ['/v2/a/blobs/uploads/', { 'content-type': 'application/json' }, '{}'],
      ['/v2/a/blobs/uploads/?origin=x', { 'content-type': 'application/octet-stream' }, 'x'.repeat(1000)],
    ];
    for (const [path, headers, body] of posts) {
      const answer = await client.call('POST', path, { headers, ...(body !== undefined && { body }) });
      answer.expect(202);
      assert.equal(answer.header('content-length'), '0');
      assert.equal(answer.header('range'), '0-0');
      assert.match(answer.header('docker-upload-uuid'), /^[a-zA-Z0-9-_.=]+$/);
      const status = (await client.get(answer.header('location'))).expect(204);
      assert.equal(status.header('range'), '0-0');
      assert.equal(status.header('docker-upload-uuid'), answer.header('docker-upload-uuid'));
    }
  });

  it('chunks in order, the last one by PUT', async () => {
    const start = await client.openUpload('a');
    const patched = (await client.patchChunk(start, 0, FIRST)).expect(202);
    assert.equal(patched.header('range'), '0-9');
    assert.equal(patched.header('content-length'), '0');
    const closed = await client.close(patched.header('location'), DIGEST, {
      headers: { 'content-range': '10-14' },
      body: SECOND,
    });
    closed.expect(201);
    assert.equal(closed.header('location'), `/v2/a/blobs/${DIGEST}`);
    assert.equal(closed.header('docker-content-digest'), DIGEST);
    assert.equal(closed.header('content-length'), '0');
    await assertBlob(DIGEST, WHOLE);
  });

  const endings: [string, Buffer, Buffer | readonly Buffer[] | undefined][] = [
    ['an empty PUT', WHOLE, undefined],
    ['a PUT with the rest, with a length', FIRST, SECOND],
    ['a PUT with the rest, chunked', FIRST, [SECOND.subarray(0, 2), SECOND.subarray(2)]],
    ['a PUT with everything, with a length', NONE, WHOLE],
    ['a PUT with everything, chunked', NONE, [FIRST, SECOND]],
  ];
  for (const [what, before, body] of endings) {
    it(`is closed by ${what}; repeating it gives 201 again`, async () => {
      let location = await client.openUpload('a');
      if (before.byteLength > 0) location = await client.patch(location, [before]);
      for (let time = 1; time <= 3; time++) {
        const answer = await client.close(location, DIGEST, body === undefined ? {} : { body });
        answer.expect(201);
        assert.equal(answer.header('docker-content-digest'), DIGEST);
      }
      await assertBlob(DIGEST, WHOLE);
    });
  }

  it('an out-of-order chunk is 416 and tells where to go on; the session survives', async () => {
    const start = await client.openUpload('a');
    for (const offset of [1, 10]) {
      const refused = (await client.patchChunk(start, offset, SECOND)).expectError(416, 'RANGE_INVALID');
      assert.equal(refused.header('range'), '0-0');
      assert.ok(refused.header('docker-upload-uuid'));
    }
    const refused = await client.patchChunk(start, 10, SECOND);
    const location = (await client.patchChunk(refused.header('location'), 0, FIRST))
      .expect(202)
      .header('location');
    (await client.patchChunk(location, 10, SECOND)).expect(202);
  });

  it('an old Location with the right Content-Range goes on where the session is', async () => {
    const start = await client.openUpload('a');
    const first = (await client.patchChunk(start, 0, FIRST)).expect(202).header('location');
    const second = (await client.patchChunk(start, 10, SECOND)).expect(202);
    assert.equal(second.header('range'), '0-14');
    for (const stale of [start, first]) {
      (await client.patchChunk(stale, 10, SECOND)).expectError(416, 'RANGE_INVALID');
      assert.equal((await client.get(stale)).expect(204).header('range'), '0-14');
    }
    (await client.close(start, DIGEST)).expect(201);
    await assertBlob(DIGEST, WHOLE);
  });

  it('an old Location without Content-Range is a late writer: 416, and nothing is lost', async () => {
    const start = await client.openUpload('a');
    const first = await client.patch(start, FIRST);
    const late = (await client.call('PATCH', start, { body: SECOND })).expectError(416, 'RANGE_INVALID');
    assert.equal(late.header('range'), '0-9');
    const next = await client.patch(late.header('location'), SECOND);
    (await client.call('PATCH', first, { body: FIRST })).expectError(416, 'RANGE_INVALID');
    (await client.close(next, DIGEST)).expect(201);
    await assertBlob(DIGEST, WHOLE);
  });

  it('two servers that both took a first chunk: no bytes get the digest of others', async () => {
    const { another } = bench();
    // As a store may that was asked twice at once.
    const unconditional = withFaults(bench().store.driver(), {
      put: (key, bytes, { ifAbsent: _, ...options } = {}) => bench().store.driver().put(key, bytes, options),
    });
    const other = new Client(await another({ driver: unconditional }));
    const start = await client.openUpload('a');
    await client.patch(start, FIRST);
    const theirs = bytesOf(FIRST.byteLength, 9);
    await other.patch(start, theirs);
    const last = (await client.patchChunk(start, FIRST.byteLength, SECOND)).expect(202).header('location');
    (await client.close(last, DIGEST)).expectError(400, 'DIGEST_INVALID');
    (await client.get(`/v2/a/blobs/${DIGEST}`)).expectError(404, 'BLOB_UNKNOWN');
  });

  const malformed = [
    '10',
    '10-',
    '-14',
    '10-14/15',
    'bytes 10-14',
    'bytes=10-14',
    '14-10',
    'a-b',
    '10-14,15-20',
    '',
  ];
  for (const range of malformed) {
    it(`Content-Range ${JSON.stringify(range)} is 416 and harms nothing`, async () => {
      const location = await client.patch(await client.openUpload('a'), FIRST);
      const headers = { 'content-range': range };
      (await client.call('PATCH', location, { headers, body: SECOND })).expectError(416, 'RANGE_INVALID');
      (await client.close(location, DIGEST, { headers, body: SECOND })).expectError(416, 'RANGE_INVALID');
      (await client.close(location, digestOf(FIRST))).expect(201);
    });
  }

  it('a chunk that is not as long as its Content-Range is 400 SIZE_INVALID and harms nothing', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    for (const range of ['10-13', '10-15', '10-1000000']) {
      for (const body of [SECOND, [SECOND]]) {
        const headers = { 'content-range': range };
        (await client.call('PATCH', location, { headers, body })).expectError(400, 'SIZE_INVALID');
        (await client.close(location, DIGEST, { headers, body })).expectError(400, 'SIZE_INVALID');
      }
    }
    (await client.close(await client.patch(location, SECOND), DIGEST)).expect(201);
    await assertBlob(DIGEST, WHOLE);
  });

  it('an empty PATCH changes nothing', async () => {
    const start = await client.openUpload('a');
    const again = (await client.call('PATCH', start)).expect(202);
    assert.equal(again.header('range'), '0-0');
    const first = await client.patch(again.header('location'), FIRST);
    assert.equal((await client.call('PATCH', first)).expect(202).header('range'), '0-9');
    (await client.close(await client.patch(first, SECOND), DIGEST)).expect(201);
  });

  it('GET tells the offset, also on a URL that carries ?digest', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    for (const url of [location, withDigest(location, DIGEST)]) {
      const status = (await client.get(url)).expect(204);
      assert.equal(status.header('range'), '0-9');
      assert.equal(status.header('location'), location);
      assert.equal(status.body.byteLength, 0);
    }
  });

  it('a PUT with a missing or bad digest is 400 DIGEST_INVALID and the session stays', async () => {
    const location = await client.patch(await client.openUpload('a'), WHOLE);
    (await client.call('PUT', location)).expectError(400, 'DIGEST_INVALID');
    for (const digest of [
      '',
      'sha256',
      'sha256:',
      'sha256:xyz',
      `sha256:${'A'.repeat(64)}`,
      `md5:${'a'.repeat(32)}`,
    ]) {
      (await client.close(location, digest)).expectError(400, 'DIGEST_INVALID');
    }
    (await client.close(location, DIGEST)).expect(201);
  });

  for (const [what, body] of [
    ['empty PUT', undefined],
    ['PUT with a body', SECOND],
    ['chunked PUT', [SECOND]],
  ] as const) {
    it(`a digest mismatch in an ${what} is 400 DIGEST_INVALID and ends the session`, async () => {
      const wrong = digestOf(bytesOf(99, 9));
      for (const before of [FIRST, NONE]) {
        let location = await client.openUpload('a');
        if (before.byteLength > 0) location = await client.patch(location, before);
        (await client.close(location, wrong, body === undefined ? {} : { body })).expectError(
          400,
          'DIGEST_INVALID',
        );
        (await client.get(location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.call('PATCH', location, { body: SECOND })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.close(location, DIGEST, { body: WHOLE })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      }
      (await client.get(`/v2/a/blobs/${wrong}`)).expect(404);
    });
  }

  it('DELETE is 204, and then everything is 404', async () => {
    for (const content of [NONE, FIRST]) {
      const start = await client.openUpload('a');
      const location = content.byteLength > 0 ? await client.patch(start, content) : start;
      const deleted = (await client.call('DELETE', location)).expect(204);
      assert.equal(deleted.body.byteLength, 0);
      for (const url of new Set([start, location])) {
        (await client.get(url)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.call('PATCH', url, { body: SECOND })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.patchChunk(url, content.byteLength, SECOND)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.close(url, DIGEST, { body: WHOLE })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.close(url, digestOf(content))).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await client.call('DELETE', url)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      }
    }
  });

  it('a session belongs to its repository', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const elsewhere = location.replace('/v2/a/', '/v2/b/');
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      (await client.call(method, elsewhere)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    }
    (await client.close(elsewhere, digestOf(FIRST))).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    (await client.close(location, digestOf(FIRST))).expect(201);
    (await client.get(`/v2/b/blobs/${digestOf(FIRST)}`)).expect(404);
  });

  it('a tampered id is 404, in every part', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const [path = '', query = ''] = location.split('?');
    const parts = (path.split('/').at(-1) ?? '').split('.');
    const flip = (text: string): string => (text.startsWith('a') ? 'b' : 'a') + text.slice(1);
    const tampered = parts.map((_, at) => parts.map((part, i) => (i === at ? flip(part) : part)).join('.'));
    const odd = [
      parts.slice(0, -1).join('.'),
      `${parts.join('.')}.x`,
      'x',
      '.....',
      '%00',
      parts.join('.').slice(0, -3),
    ];
    for (const id of [...tampered, ...odd]) {
      const url = `/v2/a/blobs/uploads/${id}?${query}`;
      (await client.get(url)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      (await client.call('PATCH', url, { body: SECOND })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    }
    (await client.get(location)).expect(204);
  });

  it('a tampered state leads to the state that the session has, or nowhere', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const [path = ''] = location.split('?');
    for (const state of ['', '0-5', '3-10', '10-10', '999-9999999999999999', '0-10x', '-1-10', 'null']) {
      const url = `${path}?_state=${state}`;
      assert.equal((await client.get(url)).expect(204).header('range'), '0-9', state);
      (await client.patchChunk(url, 0, FIRST)).expectError(416, 'RANGE_INVALID');
    }
    (await client.close(`${path}?_state=0-5`, digestOf(FIRST))).expect(201);
    await assertBlob(digestOf(FIRST), FIRST);
  });

  it('a session older than uploads.maxAge is 404 for everything', async () => {
    const { clock } = bench().store;
    const location = await client.patch(await client.openUpload('a'), FIRST);
    clock.advance(6 * DAY);
    (await client.get(location)).expect(204);
    clock.advance(1);
    (await client.get(location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    (await client.call('PATCH', location, { body: SECOND })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    (await client.close(location, digestOf(FIRST))).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    (await client.call('DELETE', location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
  });

  it('a session that grows too old while its closing PUT comes is refused', async () => {
    const { store, node } = bench();
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const append = node.driver.segments.append.bind(node.driver.segments);
    node.driver.segments.append = (...call) => {
      store.clock.advance(7 * DAY);
      return append(...call);
    };
    const last = bytesOf(150_000, 3); // a segment on every store
    const digest = digestOf(Buffer.concat([FIRST, last]));
    (await client.close(location, digest, { body: last })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
    (await client.get(`/v2/a/blobs/${digest}`)).expect(404);
  });

  it('POST?digest stores a whole blob, with a length or chunked; a mismatch stores nothing', async () => {
    for (const body of [WHOLE, [FIRST, SECOND]]) {
      const posted = await client.call('POST', `/v2/a/blobs/uploads/?digest=${DIGEST}`, { body });
      posted.expect(201);
      assert.equal(posted.header('location'), `/v2/a/blobs/${DIGEST}`);
      assert.equal(posted.header('docker-content-digest'), DIGEST);
      await assertBlob(DIGEST, WHOLE);
      (await client.call('DELETE', `/v2/a/blobs/${DIGEST}`)).expect(202);
    }
    const wrong = digestOf(FIRST);
    for (const body of [SECOND, [SECOND], WHOLE, NONE]) {
      const refused = await client.call('POST', `/v2/a/blobs/uploads/?digest=${wrong}`, { body });
      refused.expectError(400, 'DIGEST_INVALID');
      (await client.head(`/v2/a/blobs/${wrong}`)).expect(404);
    }
    (await client.call('POST', '/v2/a/blobs/uploads/?digest=sha256:1')).expectError(400, 'DIGEST_INVALID');
  });

  it('a mount is 201 only where the source holds the blob; without from where somebody is known to', async () => {
    await client.pushBlob('source', WHOLE);
    for (const query of [`mount=${encodeURIComponent(DIGEST)}`, `mount=${DIGEST}&from=source`]) {
      const mounted = (await client.call('POST', `/v2/a/blobs/uploads/?${query}`)).expect(201);
      assert.equal(mounted.header('location'), `/v2/a/blobs/${DIGEST}`);
      assert.equal(mounted.header('docker-content-digest'), DIGEST);
      assert.equal(mounted.header('content-length'), '0');
      await assertBlob(DIGEST, WHOLE);
      (await client.call('DELETE', `/v2/a/blobs/${DIGEST}`)).expect(202);
    }
    (await client.call('DELETE', `/v2/source/blobs/${DIGEST}`)).expect(202);
    for (const query of [`mount=${DIGEST}&from=source`, `mount=${DIGEST}`])
      await client.openUpload('a', `?${query}`);
    (await client.call('POST', '/v2/a/blobs/uploads/?mount=sha256:1')).expectError(400, 'DIGEST_INVALID');
  });
});
