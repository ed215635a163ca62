import assert from 'node:assert/strict';
import { onEveryStore } from '../../support/in-process.js';
import { Client, digestOf, withDigest } from '../client.js';
import { bytesOf } from '../content.js';

const FIRST = bytesOf(10, 1);
const SECOND = bytesOf(5, 2);
const WHOLE = Buffer.concat([FIRST, SECOND]);

onEveryStore('mistakes in uploads', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('5. "Range: bytes=0-9" on uploads: 0-9', async () => {
    const opened = (await client.call('POST', '/v2/a/blobs/uploads/')).expect(202);
    assert.equal(opened.header('range'), '0-0');
    const patched = (await client.call('PATCH', opened.header('location'), { body: FIRST })).expect(202);
    assert.equal(patched.header('range'), '0-9');
  });

  it('6. Range end exclusive: the last byte index', async () => {
    let location = await client.openUpload('a');
    for (const [chunk, range] of [
      [FIRST, '0-9'],
      [SECOND, '0-14'],
    ] as const) {
      location = await client.patch(location, chunk);
      assert.equal((await client.get(location)).expect(204).header('range'), range);
    }
  });

  it('7. Killing the session on 416: it is kept, GET 204 tells the offset', async () => {
    const first = await client.patch(await client.openUpload('a'), FIRST);
    const refused = (await client.patchChunk(first, 20, SECOND)).expectError(416, 'RANGE_INVALID');
    assert.equal(refused.header('range'), '0-9');
    const status = (await client.get(first)).expect(204);
    assert.equal(status.header('range'), '0-9');
    const last = (await client.patchChunk(status.header('location'), 10, SECOND)).expect(202);
    (await client.close(last.header('location'), digestOf(WHOLE))).expect(201);
    assert.ok((await client.get(`/v2/a/blobs/${digestOf(WHOLE)}`)).body.equals(WHOLE));
  });

  it('8. No Content-Range check on the closing PUT: the same 416', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const put = (start: number) =>
      client.close(location, digestOf(WHOLE), {
        headers: { 'content-range': `${start}-${start + SECOND.byteLength - 1}` },
        body: SECOND,
      });
    for (const start of [0, 9, 11]) {
      const refused = (await put(start)).expectError(416, 'RANGE_INVALID');
      assert.equal(refused.header('range'), '0-9');
      assert.ok(refused.header('location').startsWith('/v2/a/blobs/uploads/'));
    }
    (await client.get(`/v2/a/blobs/${digestOf(WHOLE)}`)).expect(404);
    (await put(10)).expect(201);
  });

  it('9. Accepting a repeated chunk at 0: 416', async () => {
    const start = await client.openUpload('a');
    const first = (await client.patchChunk(start, 0, FIRST)).expect(202);
    for (const location of [start, first.header('location')]) {
      const repeated = (await client.patchChunk(location, 0, FIRST)).expectError(416, 'RANGE_INVALID');
      assert.equal(repeated.header('range'), '0-9');
    }
  });

  it('11. Demanding Content-Length on PATCH: chunked is normal', async () => {
    const location = await client.patch(await client.openUpload('a'), [FIRST, SECOND]);
    assert.equal((await client.get(location)).header('range'), '0-14');
    (await client.close(location, digestOf(WHOLE))).expect(201);
  });

  it('12. Fragile Location query: tolerates added &digest= and re-encoding', async () => {
    const location = await client.patch(await client.openUpload('a'), FIRST);
    const { pathname, searchParams } = new URL(location, 'http://registry');
    const id = pathname.split('/').at(-1) ?? '';
    const reencoded = [...id].map((char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
    const state = encodeURIComponent(searchParams.get('_state') ?? '');
    const forms = [
      withDigest(location, digestOf(WHOLE)),
      `${pathname}?digest=${encodeURIComponent(digestOf(WHOLE))}&_state=${state}`,
      `${pathname.slice(0, -id.length)}${reencoded}?_state=${state.replace('-', '%2D')}&other=1`,
      pathname,
    ];
    for (const form of forms) assert.equal((await client.get(form)).expect(204).header('range'), '0-9', form);
    const patched = (
      await client.call('PATCH', withDigest(location, digestOf(WHOLE)), { body: SECOND })
    ).expect(202);
    (await client.close(patched.header('location'), digestOf(WHOLE))).expect(201);
  });

  it('13. Mount failure as 404 or 401: a 202 session', async () => {
    const missing = digestOf(WHOLE);
    for (const query of [`from=b`, `from=no/such`, 'from=NOT%20A%20NAME', 'from=b&origin=elsewhere', '']) {
      const location = await client.openUpload('a', `?mount=${missing}${query && `&${query}`}`);
      (await client.close(location, missing, { body: WHOLE })).expect(201);
      (await client.call('DELETE', `/v2/a/blobs/${missing}`)).expect(202);
    }
  });

  it('15. Blob served from any repo: membership per repo', async () => {
    const digest = await client.pushBlob('a', FIRST);
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      (await client.call(method, `/v2/b/blobs/${digest}`)).expect(404);
    }
    (await client.call('POST', `/v2/b/blobs/uploads/?mount=${digest}&from=a`)).expect(201);
    (await client.get(`/v2/b/blobs/${digest}`)).expect(200);
    (await client.call('DELETE', `/v2/a/blobs/${digest}`)).expect(202);
    (await client.get(`/v2/a/blobs/${digest}`)).expectError(404, 'BLOB_UNKNOWN');
    assert.ok((await client.get(`/v2/b/blobs/${digest}`)).expect(200).body.equals(FIRST));
  });

  it('15. Blob served from any repo: a push under its digest alone gives no access to it', async () => {
    const digest = await client.pushBlob('a', FIRST);
    const location = await client.openUpload('b');
    (await client.close(location, digest, { body: SECOND })).expectError(400, 'DIGEST_INVALID');
    const wrong = await client.call('POST', `/v2/b/blobs/uploads/?digest=${digest}`, { body: SECOND });
    wrong.expectError(400, 'DIGEST_INVALID');
    const empty = await client.call('PUT', withDigest(await client.openUpload('b'), digest));
    empty.expectError(400, 'DIGEST_INVALID');
    (await client.get(`/v2/b/blobs/${digest}`)).expect(404);
  });
});
