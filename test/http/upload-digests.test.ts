import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onEveryStore, onStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { bytesOf } from './content.js';

const NONE = Buffer.alloc(0);
const FIRST = bytesOf(1000, 3);
const SECOND = bytesOf(500, 4);
const WHOLE = Buffer.concat([FIRST, SECOND]);

onEveryStore('digests of uploads', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  const assertServed = async (bytes: Buffer, digest: string): Promise<void> => {
    const answer = (await client.get(`/v2/a/blobs/${digest}`)).expect(200);
    assert.ok(answer.body.equals(bytes), digest);
    assert.equal(answer.header('docker-content-digest'), digest);
    assert.equal(
      (await client.head(`/v2/a/blobs/${digest}`)).expect(200).header('content-length'),
      `${bytes.length}`,
    );
  };

  for (const query of ['', '?digest-algorithm=sha512', '?digest-algorithm=sha256']) {
    const title = query === '' ? 'unannounced' : `announced by ${query}`;

    it(`sha512 ${title}: streamed, closed empty, again and again; readable by both digests`, async () => {
      const start = await client.openUpload('a', query);
      const location = await client.patch(await client.patch(start, FIRST), [SECOND]);
      for (let time = 1; time <= 2; time++) {
        const closed = (await client.close(location, digestOf(WHOLE, 'sha512'))).expect(201);
        assert.equal(closed.header('docker-content-digest'), digestOf(WHOLE, 'sha512'));
        assert.equal(closed.header('location'), `/v2/a/blobs/${digestOf(WHOLE, 'sha512')}`);
      }
      for (const algorithm of ['sha512', 'sha256']) await assertServed(WHOLE, digestOf(WHOLE, algorithm));
    });

    it(`sha512 ${title}: with the last chunk in the PUT, and whole in the PUT`, async () => {
      const location = await client.patch(await client.openUpload('a', query), FIRST);
      (await client.close(location, digestOf(WHOLE, 'sha512'), { body: SECOND })).expect(201);
      await assertServed(WHOLE, digestOf(WHOLE, 'sha512'));
      for (const body of [SECOND, [FIRST]]) {
        const bytes = Buffer.concat([body].flat());
        const digest = digestOf(bytes, 'sha512');
        (await client.close(await client.openUpload('a', query), digest, { body })).expect(201);
        await assertServed(bytes, digest);
      }
    });

    it(`sha512 ${title}: a mismatch is 400 and ends the session`, async () => {
      const location = await client.patch(await client.openUpload('a', query), FIRST);
      (await client.close(location, digestOf(SECOND, 'sha512'))).expectError(400, 'DIGEST_INVALID');
      (await client.get(location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      (await client.head(`/v2/a/blobs/${digestOf(SECOND, 'sha512')}`)).expect(404);
    });
  }

  it('sha256 after sha512 was announced', async () => {
    const location = await client.patch(await client.openUpload('a', '?digest-algorithm=sha512'), FIRST);
    (await client.close(location, digestOf(FIRST))).expect(201);
    await assertServed(FIRST, digestOf(FIRST));
    (await client.head(`/v2/a/blobs/${digestOf(FIRST, 'sha512')}`)).expect(404);
  });

  it('an algorithm that is not kept is refused: announced, in POST, in PUT; a read of it is 404', async () => {
    for (const algorithm of ['md5', 'blake3', 'SHA256', '']) {
      const refused = await client.call('POST', `/v2/a/blobs/uploads/?digest-algorithm=${algorithm}`);
      refused.expectError(400, 'DIGEST_INVALID');
    }
    const blake3 = `blake3:${'a'.repeat(64)}`;
    (await client.call('POST', `/v2/a/blobs/uploads/?digest=${blake3}`)).expectError(400, 'DIGEST_INVALID');
    (await client.close(await client.openUpload('a'), blake3, { body: FIRST })).expectError(
      400,
      'DIGEST_INVALID',
    );
    for (const method of ['GET', 'HEAD', 'DELETE'])
      (await client.call(method, `/v2/a/blobs/${blake3}`)).expect(404);
    (await client.get(`/v2/a/blobs/${blake3}`)).expectError(404, 'BLOB_UNKNOWN');
    (await client.get('/v2/a/blobs/sha256:short')).expectError(400, 'DIGEST_INVALID');
  });

  it('POST?digest of sha512, and mounts of it', async () => {
    const digest = digestOf(WHOLE, 'sha512');
    (await client.call('POST', `/v2/b/blobs/uploads/?digest=${digest}`, { body: WHOLE })).expect(201);
    (await client.call('POST', `/v2/a/blobs/uploads/?mount=${digest}&from=b`)).expect(201);
    await assertServed(WHOLE, digest);
    (await client.call('DELETE', `/v2/a/blobs/${digest}`)).expect(202);
    (await client.head(`/v2/a/blobs/${digest}`)).expect(404);
    (await client.head(`/v2/b/blobs/${digest}`)).expect(200);
  });

  it('the empty blob: by every way, in both algorithms', async () => {
    for (const algorithm of ['sha256', 'sha512']) {
      const digest = digestOf(NONE, algorithm);
      const ways: (() => Promise<unknown>)[] = [
        async () => (await client.close(await client.openUpload('a'), digest)).expect(201),
        async () => (await client.close(await client.openUpload('a'), digest, { body: [] })).expect(201),
        async () => {
          const patched = (await client.call('PATCH', await client.openUpload('a'))).expect(202);
          (await client.close(patched.header('location'), digest)).expect(201);
        },
        async () => (await client.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`)).expect(201),
        async () =>
          (await client.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: [] })).expect(201),
      ];
      for (const push of ways) {
        await push();
        await assertServed(NONE, digest);
        (await client.get(`/v2/a/blobs/${digest}`, { range: 'bytes=0-0' })).expectError(416, 'RANGE_INVALID');
        (await client.call('DELETE', `/v2/a/blobs/${digest}`)).expect(202);
      }
    }
    (await client.close(await client.openUpload('a'), digestOf(FIRST))).expectError(400, 'DIGEST_INVALID');
  });
});

describe('digests of uploads on the disk', () => {
  onStore('filesystem', (bench) => {
    it('nothing unverified is ever under blobs/, and nothing is left beside what was committed', async () => {
      const { store, node } = bench();
      const client = new Client(node);
      const location = await client.patch(await client.openUpload('a'), FIRST);
      (await client.close(location, digestOf(SECOND))).expect(400);
      const direct = `/v2/a/blobs/uploads/?digest=${digestOf(FIRST)}`;
      (await client.call('POST', direct, { body: SECOND })).expect(400);
      await assert.rejects(readdir(join(store.root, 'docker')), { code: 'ENOENT' });
      const good = await client.patch(await client.openUpload('a'), FIRST);
      (await client.close(good, digestOf(FIRST))).expect(201);
      const blobs = await readdir(join(store.root, 'docker/registry/v2/blobs/sha256'));
      assert.deepEqual(blobs, [digestOf(FIRST).slice(7, 9)]);
      assert.deepEqual(await readdir(join(store.root, 'stackyard/tmp')), []);
    });
  });
});
