import assert from 'node:assert/strict';
import { onEveryStore } from '../../support/in-process.js';
import { Client, digestOf, linkOf } from '../client.js';
import { EMPTY_JSON, bytesOf, imageOf, indexOf } from '../content.js';

const NONE = Buffer.alloc(0);

onEveryStore('mistakes in answers', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('1. HEAD without Content-Length: it is always set, including 0', async () => {
    const blob = await client.pushBlob('a', bytesOf(1234));
    await client.pushBlob('a', EMPTY_JSON);
    const image = imageOf();
    await client.pushManifest('a', 't', image);
    const location = await client.openUpload('a');
    (await client.close(location, digestOf(NONE))).expect(201);
    const lengths: [string, number][] = [
      [`/v2/a/blobs/${blob}`, 1234],
      [`/v2/a/blobs/${digestOf(NONE)}`, 0],
      ['/v2/a/manifests/t', image.bytes.byteLength],
      [`/v2/a/manifests/${image.digest}`, image.bytes.byteLength],
      ['/v2/', 2],
    ];
    for (const [path, length] of lengths) {
      const answer = (await client.head(path)).expect(200);
      assert.equal(answer.header('content-length'), String(length), path);
      assert.equal(answer.body.byteLength, 0);
    }
  });

  it('2. Charset on Content-Type: the bare type', async () => {
    const blob = await client.pushBlob('a', EMPTY_JSON);
    const image = imageOf();
    await client.pushManifest('a', 't', image);
    const types: [string, string][] = [
      ['/v2/', 'application/json'],
      ['/v2/_catalog', 'application/json'],
      ['/v2/a/tags/list', 'application/json'],
      ['/v2/a/manifests/t', 'application/vnd.oci.image.manifest.v1+json'],
      [`/v2/a/referrers/${image.digest}`, 'application/vnd.oci.image.index.v1+json'],
      [`/v2/a/blobs/${blob}`, 'application/octet-stream'],
      ['/v2/a/manifests/none', 'application/json'],
    ];
    for (const [path, type] of types)
      assert.equal((await client.get(path)).header('content-type'), type, path);
  });

  it('3. Re-serialising manifests: bytes in = bytes out', async () => {
    const odd = imageOf([], {
      config: { mediaType: 'x/y', size: 2, digest: digestOf(EMPTY_JSON), 'unknown-member': [1.0, 'é\u2028'] },
      layers: [],
      'org.example': { z: 1, a: null },
    });
    await client.pushBlob('a', EMPTY_JSON);
    await client.pushManifest('a', 't', odd);
    for (const reference of ['t', odd.digest]) {
      const answer = (await client.get(`/v2/a/manifests/${reference}`)).expect(200);
      assert.ok(answer.body.equals(odd.bytes));
      assert.equal(digestOf(answer.body), answer.header('docker-content-digest'));
    }
  });

  it('4. Compressing responses: never', async () => {
    const bytes = Buffer.alloc(100_000, 'compress me ');
    const blob = await client.pushBlob('a', bytes);
    const index = indexOf([], { annotations: { long: 'x'.repeat(50_000) } });
    await client.pushManifest('a', 't', index);
    const paths = [`/v2/a/blobs/${blob}`, '/v2/a/manifests/t', '/v2/a/tags/list', '/v2/_catalog'];
    for (const path of paths) {
      const answer = (await client.get(path, { 'accept-encoding': 'zstd, gzip, br, deflate' })).expect(200);
      assert.equal(answer.headers['content-encoding'], undefined, path);
      assert.equal(answer.headers['transfer-encoding'], undefined, path);
      assert.equal(answer.header('content-length'), String(answer.body.byteLength));
    }
  });

  it('34. Link to an internal host or http: a relative URL', async () => {
    await client.pushBlob('a', EMPTY_JSON);
    for (const tag of ['one', 'two']) await client.pushManifest('a', tag, imageOf());
    await client.pushManifest('b', 'three', indexOf([]));
    const headers = {
      host: 'internal:8080',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
    };
    for (const path of ['/v2/a/tags/list?n=1', '/v2/_catalog?n=1']) {
      const next = linkOf((await client.get(path, headers)).expect(200));
      assert.ok(next.startsWith(path.split('?')[0] ?? ''), next);
    }
    const opened = (await client.call('POST', '/v2/a/blobs/uploads/', { headers })).expect(202);
    assert.match(opened.header('location'), /^\/v2\/a\/blobs\/uploads\//);
  });

  it('36. ETag unquoted: quoted', async () => {
    const blob = await client.pushBlob('a', EMPTY_JSON);
    const image = imageOf();
    await client.pushManifest('a', 't', image);
    const tags: [string, string][] = [
      [`/v2/a/blobs/${blob}`, blob],
      ['/v2/a/manifests/t', image.digest],
      [`/v2/a/manifests/${image.digest}`, image.digest],
    ];
    for (const [path, digest] of tags) {
      assert.equal((await client.get(path)).header('etag'), `"${digest}"`);
      assert.equal((await client.head(path)).header('etag'), `"${digest}"`);
      const unchanged = (await client.get(path, { 'if-none-match': `"${digest}"` })).expect(304);
      assert.equal(unchanged.header('etag'), `"${digest}"`);
    }
  });

  it('37. -n or open ranges unsupported: 206', async () => {
    const bytes = bytesOf(1000);
    const path = `/v2/a/blobs/${await client.pushBlob('a', bytes)}`;
    const ranges: [string, number, number][] = [
      ['bytes=-100', 900, 999],
      ['bytes=990-', 990, 999],
      ['bytes=0-', 0, 999],
      ['bytes=0-0', 0, 0],
    ];
    for (const [range, start, end] of ranges) {
      const answer = (await client.get(path, { range })).expect(206);
      assert.equal(answer.header('content-range'), `bytes ${start}-${end}/1000`);
      assert.equal(answer.header('content-length'), String(end - start + 1));
      assert.ok(answer.body.equals(bytes.subarray(start, end + 1)), range);
    }
  });
});
