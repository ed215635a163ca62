import assert from 'node:assert/strict';
import { MEDIA_TYPE } from '../../../src/domain/media-type.js';
import { onEveryStore } from '../../support/in-process.js';
import { Client, digestOf } from '../client.js';
import {
  EMPTY_JSON,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from '../content.js';

const MIB = 1024 * 1024;
const LAYER = bytesOf(100);

onEveryStore('mistakes in manifests', (bench) => {
  let client: Client;
  beforeEach(async () => {
    client = new Client(bench().node);
    await client.pushBlob('a', EMPTY_JSON);
    await client.pushBlob('a', LAYER);
  });

  it('24. Stale HEAD, tags or referrers after delete: 404 and gone at once', async () => {
    const image = imageOf([LAYER]);
    const signature = imageOf([], { subject: descriptorOf(image) });
    await client.pushManifest('a', 't', image);
    await client.pushManifest('a', signature.digest, signature);
    (await client.head('/v2/a/manifests/t')).expect(200);
    assert.deepEqual(await client.tags('a'), ['t']);
    assert.equal((await client.referrers('a', image.digest)).length, 1);

    (await client.call('DELETE', `/v2/a/manifests/${signature.digest}`)).expect(202);
    assert.deepEqual(await client.referrers('a', image.digest), []);
    (await client.head(`/v2/a/manifests/${signature.digest}`)).expect(404);
    (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
    for (const reference of ['t', image.digest])
      (await client.head(`/v2/a/manifests/${reference}`)).expect(404);
    assert.deepEqual(await client.tags('a'), []);
    (await client.call('DELETE', `/v2/a/blobs/${digestOf(LAYER)}`)).expect(202);
    (await client.head(`/v2/a/blobs/${digestOf(LAYER)}`)).expect(404);
  });

  it('25. Deleting a tag deletes the manifest: only the tag', async () => {
    const image = imageOf([LAYER]);
    for (const tag of ['keep', 'drop']) await client.pushManifest('a', tag, image);
    (await client.call('DELETE', '/v2/a/manifests/drop')).expect(202);
    (await client.get('/v2/a/manifests/drop')).expectError(404, 'MANIFEST_UNKNOWN');
    for (const reference of ['keep', image.digest])
      (await client.get(`/v2/a/manifests/${reference}`)).expect(200);
    (await client.call('DELETE', '/v2/a/manifests/keep')).expect(202);
    (await client.get(`/v2/a/manifests/${image.digest}`)).expect(200);
    assert.deepEqual(await client.tags('a'), []);
  });

  it('26. Digest delete leaves tags: they are removed, and no others', async () => {
    const image = imageOf([LAYER]);
    const other = imageOf([]);
    for (const tag of ['one', 'two', 'moved']) await client.pushManifest('a', tag, image);
    for (const tag of ['moved', 'other']) await client.pushManifest('a', tag, other);
    (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
    for (const tag of ['one', 'two']) (await client.get(`/v2/a/manifests/${tag}`)).expect(404);
    for (const tag of ['moved', 'other']) (await client.get(`/v2/a/manifests/${tag}`)).expect(200);
    assert.deepEqual(await client.tags('a'), ['moved', 'other']);
  });

  it('27. Referrers 404 for an unknown digest: 200 and empty', async () => {
    for (const name of ['a', 'no/such/repository']) {
      const answer = (await client.get(`/v2/${name}/referrers/sha256:${'0'.repeat(64)}`)).expect(200);
      assert.deepEqual(answer.json(), { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] });
    }
  });

  it('28. artifactType missing in referrers: derived from config.mediaType', async () => {
    const subject = blobDescriptor(bytesOf(50), MEDIA_TYPE.ociManifest);
    const own = imageOf([], { subject, artifactType: 'example/own' });
    const derived = imageOf([], {
      subject,
      config: { ...blobDescriptor(EMPTY_JSON), mediaType: 'example/config' },
    });
    const index = indexOf([], { subject, artifactType: 'example/index' });
    const bare = indexOf([], { subject });
    for (const manifest of [own, derived, index, bare])
      await client.pushManifest('a', manifest.digest, manifest);
    const listed = new Map(
      (await client.referrers('a', subject.digest)).map((each) => [each.digest, each.artifactType]),
    );
    assert.deepEqual(
      [own, derived, index, bare].map((manifest) => listed.get(manifest.digest)),
      ['example/own', 'example/config', 'example/index', undefined],
    );
  });

  it('29. No OCI-Subject: it is told, and only for a manifest with a subject', async () => {
    const subject = descriptorOf(imageOf([LAYER]));
    const told = await client.pushManifest('a', 't', imageOf([], { subject }));
    assert.equal(told.header('oci-subject'), subject.digest);
    assert.equal((await client.pushManifest('a', 't', imageOf([]))).headers['oci-subject'], undefined);
  });

  it('30. Rejecting a missing subject: accepted, and listed', async () => {
    const subject = blobDescriptor(bytesOf(77), MEDIA_TYPE.ociManifest);
    const signature = imageOf([], { subject });
    await client.pushManifest('a', signature.digest, signature);
    assert.deepEqual(
      (await client.referrers('a', subject.digest)).map(({ digest }) => digest),
      [signature.digest],
    );
  });

  it('31. Index children must be manifests: blobs are accepted too', async () => {
    const cache = bytesOf(30, 9);
    await client.pushBlob('a', cache);
    const buildkit = indexOf([
      blobDescriptor(LAYER),
      blobDescriptor(cache, 'application/vnd.buildkit.cacheconfig.v0'),
    ]);
    await client.pushManifest('a', 'cache', buildkit);
    const missing = bytesOf(31, 9);
    const refused = await client.putManifest(
      'a',
      'none',
      indexOf([blobDescriptor(LAYER), blobDescriptor(missing)]),
    );
    refused.expectError(400, 'MANIFEST_BLOB_UNKNOWN');
    assert.deepEqual(
      refused.errors.map(({ detail }) => detail),
      [{ digest: digestOf(missing) }],
    );
  });

  it("35. sha512 recorded as sha256: the client's algorithm is echoed, also by tag", async () => {
    const image = imageOf([LAYER]);
    const sha512 = digestOf(image.bytes, 'sha512');
    const put = (await client.putManifest('a', `${sha512}?tag=t`, image)).expect(201);
    assert.equal(put.header('docker-content-digest'), sha512);
    for (const reference of ['t', sha512]) {
      const answer = (await client.get(`/v2/a/manifests/${reference}`)).expect(200);
      assert.equal(answer.header('docker-content-digest'), sha512);
      assert.equal(answer.header('etag'), `"${sha512}"`);
    }
    const blob = await client.pushBlob('a', LAYER, 'sha512');
    assert.equal(
      (await client.head(`/v2/a/blobs/${blob}`)).expect(200).header('docker-content-digest'),
      blob,
    );
  });

  it('38. Mishandling */*, q or several Accept lines', async () => {
    await client.pushManifest('a', 't', imageOf([LAYER]));
    const own = MEDIA_TYPE.ociManifest;
    const served: (string | string[])[] = [
      '*/*',
      'application/*',
      `${own};q=0.5, text/html`,
      `application/json, ${own}`,
      [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.ociIndex, own],
      [`${MEDIA_TYPE.dockerList}, application/json`, '*/*;q=0.1'],
      own.toUpperCase(),
      '',
    ];
    for (const accept of served) (await client.get('/v2/a/manifests/t', { accept })).expect(200);
    (await client.get('/v2/a/manifests/t')).expect(200);
    for (const accept of [
      MEDIA_TYPE.ociIndex,
      'text/*',
      [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.dockerList],
    ]) {
      (await client.get('/v2/a/manifests/t', { accept })).expectError(404, 'MANIFEST_UNKNOWN');
      (await client.get(`/v2/a/manifests/${imageOf([LAYER]).digest}`, { accept })).expect(200);
    }
  });

  it('39. Manifest > limit 400, or limit < 4 MiB: 413, and 4 MiB are accepted', async () => {
    const padded = (size: number) => {
      const bare = jsonContent(MEDIA_TYPE.ociIndex, { schemaVersion: 2, manifests: [], pad: '' });
      return jsonContent(MEDIA_TYPE.ociIndex, {
        schemaVersion: 2,
        manifests: [],
        pad: 'x'.repeat(size - bare.bytes.byteLength),
      });
    };
    const largest = padded(4 * MIB);
    await client.pushManifest('a', 'largest', largest);
    assert.ok((await client.get('/v2/a/manifests/largest')).body.equals(largest.bytes));
    const headers = { 'content-type': MEDIA_TYPE.ociIndex };
    const { bytes } = padded(4 * MIB + 1);
    for (const body of [bytes, [bytes.subarray(0, MIB), bytes.subarray(MIB)]]) {
      const refused = await client.call('PUT', '/v2/a/manifests/larger', { headers, body });
      refused.expectError(413, 'MANIFEST_INVALID');
    }
    (await client.get('/v2/a/manifests/larger')).expect(404);
  });
});
