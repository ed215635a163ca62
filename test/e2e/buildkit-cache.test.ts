import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { content, descriptor, MEDIA_TYPES, tarOf } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

// BuildKit's `--cache-to type=registry` writes, by default, an index whose manifests[] are no manifests at all: the
// cached layers themselves and the cache's configuration. A registry that looks for manifests there refuses it.
describe("BuildKit's cache index", function () {
  this.timeout(60_000);
  let server: ServerProcess;
  let client: RegistryClient;

  before(async () => {
    server = await startServer({ env: WITH_LOGINS });
    client = new RegistryClient(server.url, ADMIN);
  });

  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
  });

  const layers = Array.from({ length: 3 }, (_, i) =>
    content(MEDIA_TYPES.ociLayer, gzipSync(tarOf(`cached-${i}`, randomBytes(30_000)))),
  );
  const config = content(
    'application/vnd.buildkit.cacheconfig.v0',
    Buffer.from(
      JSON.stringify({
        layers: layers.map(({ digest }, i) => ({ blob: digest, parent: i - 1 })),
        records: [
          { digest: `sha256:${'0'.repeat(64)}`, layers: [{ layer: 2, createdAt: '2024-01-01T00:00:00Z' }] },
        ],
      }),
    ),
  );
  const index = content(
    MEDIA_TYPES.ociIndex,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: [
          ...layers.map((layer) => ({
            ...descriptor(layer),
            annotations: { 'buildkit/createdat': '2024-01-01T00:00:00Z' },
          })),
          descriptor(config),
        ],
      }),
    ),
  );

  it('is refused, naming each missing blob, while its blobs are not there', async () => {
    const answer = await client.request('PUT', '/v2/cache/missing/manifests/buildcache', {
      headers: { 'content-type': index.mediaType },
      body: new Uint8Array(index.bytes),
    });
    assert.equal(answer.status, 400);
    const { errors } = (await answer.json()) as { errors: { code: string }[] };
    assert.deepEqual(
      errors.map(({ code }) => code),
      Array<string>(4).fill('MANIFEST_BLOB_UNKNOWN'),
    );
  });

  it('is stored and read back as BuildKit does it', async () => {
    for (const blob of [...layers, config]) await client.pushBlob('cache/app', blob);
    await client.putManifest('cache/app', 'buildcache', index);
    const held = await client.manifest('cache/app', 'buildcache');
    assert.equal(held.mediaType, MEDIA_TYPES.ociIndex);
    assert.ok(held.bytes.equals(index.bytes));
    // containerd's fetcher asks for what an index names as a manifest first, then as a blob.
    for (const { digest, bytes } of [...layers, config]) {
      assert.equal(await client.status('HEAD', `/v2/cache/app/manifests/${digest}`), 404);
      assert.ok((await client.blob('cache/app', digest)).equals(bytes));
    }
  });

  it('is replaced by the next export under the same tag', async () => {
    const next = content(MEDIA_TYPES.ociIndex, Buffer.concat([index.bytes, Buffer.from('\n')]));
    for (const blob of [...layers, config]) await client.pushBlob('cache/next', blob);
    await client.putManifest('cache/next', 'buildcache', index);
    await client.putManifest('cache/next', 'buildcache', next);
    assert.ok((await client.manifest('cache/next', 'buildcache')).bytes.equals(next.bytes));
    assert.ok((await client.manifest('cache/next', index.digest)).bytes.equals(index.bytes));
  });
});
