import assert from 'node:assert/strict';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import {
  EMPTY_JSON,
  EMPTY_TYPE,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from './content.js';

const LAYER = bytesOf(100);
const MISSING = bytesOf(101, 2);

onEveryStore('manifests', (bench) => {
  let client: Client;
  beforeEach(async () => {
    client = new Client(bench().node);
    for (const blob of [EMPTY_JSON, LAYER]) await client.pushBlob('a', blob);
  });

  it('PUT by tag and by digest answers Location, digest and no body', async () => {
    const image = imageOf([LAYER]);
    for (const reference of ['t', image.digest]) {
      const put = (await client.putManifest('a', reference, image)).expect(201);
      assert.equal(put.header('location'), `/v2/a/manifests/${image.digest}`);
      assert.equal(put.header('docker-content-digest'), image.digest);
      assert.equal(put.header('content-length'), '0');
      assert.equal(put.headers['oci-tag'], undefined);
      (await client.get(put.header('location'))).expect(200);
    }
  });

  it('every kind is kept as it came, and served with its type', async () => {
    const image = imageOf([LAYER]);
    await client.pushManifest('a', image.digest, image);
    const index = indexOf([descriptorOf(image)]);
    await client.pushManifest('a', index.digest, index);
    const docker = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.dockerManifest,
      config: blobDescriptor(EMPTY_JSON, 'application/vnd.docker.container.image.v1+json'),
      layers: [blobDescriptor(LAYER, 'application/vnd.docker.image.rootfs.diff.tar.gzip')],
    };
    const list = { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerList, manifests: [descriptorOf(image)] };
    const foreign = blobDescriptor(MISSING, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip');
    const elsewhere = { ...blobDescriptor(MISSING), urls: ['https://example.org/layer'] };
    const nondistributable = blobDescriptor(
      MISSING,
      'application/vnd.oci.image.layer.nondistributable.v1.tar',
    );
    const manifests = [
      index,
      indexOf([descriptorOf(index)]),
      indexOf([]),
      jsonContent(MEDIA_TYPE.dockerManifest, docker),
      jsonContent(MEDIA_TYPE.dockerList, list),
      imageOf([], { layers: [foreign, elsewhere, nondistributable] }),
      imageOf([], {
        artifactType: 'example/a',
        layers: [{ ...blobDescriptor(EMPTY_JSON, EMPTY_TYPE), data: 'e30=' }],
      }),
      imageOf([LAYER], { layers: undefined, 'unknown-member': { deep: [1, { er: null }] } }),
      jsonContent('application/vnd.example.thing+json', { anything: ['goes'] }),
    ];
    for (const manifest of manifests) {
      await client.pushManifest('a', 't', manifest);
      const answer = (await client.get('/v2/a/manifests/t')).expect(200);
      assert.equal(answer.header('content-type'), manifest.mediaType);
      assert.equal(answer.header('docker-content-digest'), manifest.digest);
      assert.ok(answer.body.equals(manifest.bytes));
      const head = (await client.head(`/v2/a/manifests/${manifest.digest}`)).expect(200);
      assert.equal(head.header('content-length'), String(manifest.bytes.byteLength));
      assert.equal(head.header('content-type'), manifest.mediaType);
    }
  });

  const put = (body: string | Buffer, type: string | undefined, reference = 't') =>
    client.call('PUT', `/v2/a/manifests/${reference}`, {
      headers: type === undefined ? {} : { 'content-type': type },
      body,
    });

  it('what is no manifest is 400 MANIFEST_INVALID', async () => {
    const json = (value: unknown): string => JSON.stringify(value);
    const bad: [string | Buffer, string][] = [
      ['', MEDIA_TYPE.ociManifest],
      ['{', MEDIA_TYPE.ociManifest],
      ['null', MEDIA_TYPE.ociManifest],
      ['[]', MEDIA_TYPE.ociManifest],
      ['"text"', MEDIA_TYPE.ociManifest],
      [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, layers: {} }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, layers: [null] }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, config: [] }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, config: { digest: digestOf(LAYER), size: '1' } }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, config: { digest: 'sha256:1', size: 1 } }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, config: { digest: digestOf(LAYER), size: -1 } }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, manifests: 'x' }), MEDIA_TYPE.ociIndex],
      [json({ schemaVersion: 2, mediaType: 5 }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, annotations: { a: 1 } }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, subject: 'x' }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex }), MEDIA_TYPE.ociManifest],
      [json({ schemaVersion: 3 }), MEDIA_TYPE.ociManifest],
      [json({}), MEDIA_TYPE.dockerManifest],
      [json({ schemaVersion: 1, fsLayers: [] }), MEDIA_TYPE.dockerSchema1],
      [json({ schemaVersion: 1, fsLayers: [] }), MEDIA_TYPE.dockerSchema1Signed],
      [json({ schemaVersion: 1 }), 'application/json'],
    ];
    for (const [body, type] of bad) {
      const answer = await put(body, type);
      assert.equal(answer.status, 400, `${body.toString()} as ${type}: ${answer.body.toString()}`);
      answer.expectError(400, 'MANIFEST_INVALID');
    }
    (await client.get('/v2/a/manifests/t')).expect(404);
  });

  it('the type is the Content-Type without parameters, else what the body says, else what it looks like', async () => {
    const index = JSON.stringify({ schemaVersion: 2, manifests: [] });
    const image = JSON.stringify({ schemaVersion: 2, config: blobDescriptor(EMPTY_JSON), layers: [] });
    const declared = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.dockerList, manifests: [] });
    const types: [string, string | undefined, string][] = [
      [index, `${MEDIA_TYPE.ociIndex}; charset=utf-8`, MEDIA_TYPE.ociIndex],
      [index, undefined, MEDIA_TYPE.ociIndex],
      [image, undefined, MEDIA_TYPE.ociManifest],
      [declared, undefined, MEDIA_TYPE.dockerList],
      [declared, MEDIA_TYPE.dockerList.toUpperCase(), MEDIA_TYPE.dockerList],
    ];
    for (const [body, sent, kept] of types) {
      (await put(body, sent)).expect(201);
      assert.equal((await client.get('/v2/a/manifests/t')).header('content-type'), kept);
    }
  });

  it('a type that the body does not tell is kept beside it, for other servers too, until it changes', async () => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
    const digest = digestOf(bytes);
    const typeOf = async (): Promise<string> => {
      const other = new Client(await bench().another());
      return (await other.get(`/v2/a/manifests/${digest}`)).expect(200).header('content-type');
    };
    for (const type of [MEDIA_TYPE.dockerList, MEDIA_TYPE.ociIndex, 'application/vnd.example+json']) {
      (await put(bytes, type, digest)).expect(201);
      assert.equal((await client.get(`/v2/a/manifests/${digest}`)).header('content-type'), type);
      assert.equal(await typeOf(), type);
    }
    (await client.call('DELETE', `/v2/a/manifests/${digest}`)).expect(202);
    (await put(bytes, MEDIA_TYPE.ociIndex, digest)).expect(201);
    assert.equal(await typeOf(), MEDIA_TYPE.ociIndex);
  });

  it('missing references are 400 MANIFEST_BLOB_UNKNOWN, each named once, and nothing is written', async () => {
    const config = blobDescriptor(bytesOf(9, 9));
    const layers = [LAYER, MISSING, MISSING].map((bytes) => blobDescriptor(bytes));
    const refused = await client.putManifest('a', 't', imageOf([], { config, layers }));
    refused.expectError(400, 'MANIFEST_BLOB_UNKNOWN');
    assert.deepEqual(
      refused.errors.map(({ code, detail }) => [code, detail]),
      [config.digest, digestOf(MISSING)].map((digest) => ['MANIFEST_BLOB_UNKNOWN', { digest }]),
    );
    (await client.get('/v2/a/manifests/t')).expect(404);
    const child = descriptorOf(imageOf([LAYER]));
    (await client.putManifest('a', 't', indexOf([child]))).expectError(400, 'MANIFEST_BLOB_UNKNOWN');
    await client.pushBlob('b', EMPTY_JSON);
    const elsewhere = await client.putManifest('b', 't', imageOf([LAYER]));
    assert.deepEqual(
      elsewhere.errors.map(({ detail }) => detail),
      [{ digest: digestOf(LAYER) }],
    );
  });

  it('PUT by digest verifies it, in both algorithms', async () => {
    const image = imageOf([LAYER]);
    const other = imageOf([]);
    for (const algorithm of ['sha256', 'sha512']) {
      const digest = digestOf(image.bytes, algorithm);
      (await client.putManifest('a', digest, other)).expectError(400, 'DIGEST_INVALID');
      (await client.get(`/v2/a/manifests/${digest}`)).expect(404);
      (await client.putManifest('a', digest, image)).expect(201);
      assert.ok((await client.get(`/v2/a/manifests/${digest}`)).expect(200).body.equals(image.bytes));
    }
    for (const digest of ['sha256:baddigeststring', `sha256:${'0'.repeat(63)}`, `blake3:${'0'.repeat(64)}`]) {
      (await client.putManifest('a', digest, image)).expectError(400, 'DIGEST_INVALID');
    }
    for (const tag of ['-t', '.t', 't'.repeat(129), 't%20t', 't%2Ft', '%C3%A9']) {
      const refused = await client.putManifest('a', tag, image);
      assert.ok(['TAG_INVALID', 'NAME_UNKNOWN'].includes(refused.errors[0]?.code ?? ''), tag);
    }
    (await client.putManifest('a', '-t', image)).expectError(400, 'TAG_INVALID');
    (await client.putManifest('a', 't'.repeat(128), image)).expect(201);
  });

  it('by sha512: children, references, delete with tags', async () => {
    const image = imageOf([LAYER]);
    const sha512 = digestOf(image.bytes, 'sha512');
    await client.pushManifest('a', `${sha512}?tag=t`, image);
    (await client.get(`/v2/a/manifests/${image.digest}`)).expect(404);
    await client.pushManifest('a', 'index', indexOf([{ ...descriptorOf(image), digest: sha512 }]));
    (await client.putManifest('a', 'x', indexOf([descriptorOf(image)]))).expectError(
      400,
      'MANIFEST_BLOB_UNKNOWN',
    );
    await client.pushManifest('a', 'sha256', image);
    (await client.call('DELETE', `/v2/a/manifests/${sha512}`)).expect(202);
    for (const reference of ['t', sha512]) (await client.get(`/v2/a/manifests/${reference}`)).expect(404);
    (await client.get('/v2/a/manifests/sha256')).expect(200);
    assert.deepEqual(await client.tags('a'), ['index', 'sha256']);
  });

  it('tag parameters: each tag is set and told; with a bad one, or too many, nothing is stored', async () => {
    const image = imageOf([LAYER]);
    const tags = Array.from({ length: 20 }, (_, i) => `v1.${i}`);
    const query = (list: readonly string[]): string =>
      list.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
    const target = `${image.digest}?`;
    (await client.putManifest('a', `${target}${query(['ok', 'not ok'])}`, image)).expectError(
      400,
      'TAG_INVALID',
    );
    (await client.putManifest('a', `${target}${query([...tags, 'x'])}`, image)).expectError(
      414,
      'TAG_INVALID',
    );
    (await client.putManifest('a', `t?${query(['x'])}`, image)).expectError(400, 'TAG_INVALID');
    (await client.get(`/v2/a/manifests/${image.digest}`)).expect(404);
    assert.deepEqual(await client.tags('a'), []);
    const put = (await client.putManifest('a', `${target}${query([...tags, 'v1.0'])}`, image)).expect(201);
    assert.deepEqual(put.header('oci-tag').split(', '), tags);
    assert.deepEqual(await client.tags('a'), [...tags].sort());
    for (const tag of tags)
      assert.equal(
        (await client.head(`/v2/a/manifests/${tag}`)).header('docker-content-digest'),
        image.digest,
      );
  });

  it('DELETE: 202 once, then 404; what was deleted can be pushed again', async () => {
    const image = imageOf([LAYER]);
    for (let time = 1; time <= 2; time++) {
      await client.pushManifest('a', 't', image);
      assert.deepEqual(await client.tags('a'), ['t']);
      (await client.call('DELETE', '/v2/a/manifests/t')).expect(202);
      (await client.call('DELETE', '/v2/a/manifests/t')).expectError(404, 'MANIFEST_UNKNOWN');
      (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
      (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expectError(404, 'MANIFEST_UNKNOWN');
      (await client.call('DELETE', `/v2/a/blobs/${digestOf(LAYER)}`)).expect(202);
      (await client.call('DELETE', `/v2/a/blobs/${digestOf(LAYER)}`)).expectError(404, 'BLOB_UNKNOWN');
      (await client.putManifest('a', 't', image)).expectError(400, 'MANIFEST_BLOB_UNKNOWN');
      await client.pushBlob('a', LAYER);
    }
  });

  it('a body that ends early is 400 and nothing is stored', async () => {
    const wire = await client.connect();
    wire.head(
      'PUT /v2/a/manifests/t HTTP/1.1',
      `Content-Type: ${MEDIA_TYPE.ociIndex}`,
      'Transfer-Encoding: chunked',
    );
    await wire.write('1e\r\n{"schemaVersion":2,"manifests"');
    wire.destroy();
    (await client.get('/v2/a/manifests/t')).expect(404);
  });
});

onEveryStore(
  'manifests where references may be missing',
  (bench) => {
    it('sparse: missing layers, configs and children are accepted', async () => {
      const client = new Client(bench().node);
      const image = imageOf([MISSING]);
      await client.pushManifest('a', 'index', indexOf([descriptorOf(image), descriptorOf(imageOf([LAYER]))]));
      await client.pushManifest('a', 'image', image);
      (await client.get('/v2/a/manifests/index')).expect(200);
      (await client.get('/v2/a/manifests/image')).expect(200);
    });
  },
  { references: 'sparse' },
);
