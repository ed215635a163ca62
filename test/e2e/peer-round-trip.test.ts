import assert from 'node:assert/strict';
import { makeImage, makeIndex, type Image } from '../support/image.js';
import { startPeer, type Peer } from '../support/peer.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

// Both serve the same directory at the same time: during a migration neither may see the other's data otherwise than
// its own. The store is distribution's, so ours treats it as shared (DESIGN 3).
for (const [writer, reader] of [
  ['docker-registry', 'Stackyard'],
  ['Stackyard', 'docker-registry'],
] as const) {
  describe(`a store written by ${writer} and read by ${reader}, both running`, function () {
    this.timeout(60_000);
    let store: TemporaryDirectory;
    let peer: Peer;
    let server: ServerProcess;
    let write: RegistryClient;
    let read: RegistryClient;

    before(async function () {
      const program = requireTool(this, 'docker-registry');
      store = await temporaryDirectory('shared');
      peer = await startPeer({ root: store.path, program });
      // Distribution's files come first, so that the store is recognised as one that is shared.
      await new RegistryClient(peer.url).pushImage('first/app', makeImage({ format: 'oci' }), 'v1');
      const env = { ...WITH_LOGINS, STACKYARD_CACHE_MAX_AGE: '0s' };
      server = await startServer({ root: store.path, env });
      const clients = [new RegistryClient(peer.url), new RegistryClient(server.url, ADMIN)] as const;
      [write, read] = writer === 'docker-registry' ? clients : [clients[1], clients[0]];
    });

    after(async () => {
      await (server as ServerProcess | undefined)?.stop();
      await (peer as Peer | undefined)?.stop();
      await (store as TemporaryDirectory | undefined)?.remove();
    });

    for (const format of ['docker', 'oci'] as const) {
      it(`serves a ${format} image with the same bytes, by tag and by digest`, async () => {
        const image = makeImage({ format, layers: 3, layerBytes: 200_000 });
        await write.pushImage(`images/${format}`, image, 'v1');
        await read.assertHolds(`images/${format}`, 'v1', image);
        await read.assertHolds(`images/${format}`, image.manifest.digest, image);
      });
    }

    it('serves an OCI index and its images with the same bytes', async () => {
      const images = ['amd64', 'arm64'].map((architecture) => ({
        architecture,
        image: makeImage({ format: 'oci', architecture }),
      }));
      for (const { image } of images) await write.pushImage('images/index', image);
      const index = makeIndex(images);
      await write.putManifest('images/index', 'all', index);
      const held = await read.manifest('images/index', 'all');
      assert.equal(held.mediaType, index.mediaType);
      assert.ok(held.bytes.equals(index.bytes));
      for (const { image } of images) await read.assertHolds('images/index', image.manifest.digest, image);
    });

    it('serves ranges of a blob with the same bytes', async () => {
      const image = makeImage({ format: 'oci', layerBytes: 50_000 });
      await write.pushImage('ranges/app', image, 'v1');
      const layer = image.layers[0];
      assert.ok(layer);
      for (const client of [write, read]) {
        const answer = await client.request('GET', `/v2/ranges/app/blobs/${layer.digest}`, {
          headers: { range: 'bytes=100-299' },
        });
        assert.equal(answer.status, 206);
        assert.equal(answer.headers.get('content-range'), `bytes 100-299/${layer.size}`);
        assert.ok(Buffer.from(await answer.arrayBuffer()).equals(layer.bytes.subarray(100, 300)));
      }
    });

    it('lists the tags and repositories that were pushed through the other', async () => {
      const image = makeImage({ format: 'oci' });
      for (const tag of ['v2', 'v1', 'v1-rc']) await write.pushImage('lists/deep/er/app', image, tag);
      assert.deepEqual((await read.tags('lists/deep/er/app')).sort(), ['v1', 'v1-rc', 'v2']);
      assert.deepEqual(await read.catalog(), await write.catalog());
      assert.ok((await read.catalog()).includes('lists/deep/er/app'));
    });

    it('sees a tag moved by the other', async () => {
      const [before, after] = [makeImage({ format: 'oci' }), makeImage({ format: 'oci' })];
      await write.pushImage('moves/app', before, 'latest');
      await read.assertHolds('moves/app', 'latest', before);
      await write.pushImage('moves/app', after, 'latest');
      await read.assertHolds('moves/app', 'latest', after);
    });

    it('sees what the other deleted', async () => {
      const image = makeImage({ format: 'oci' });
      await write.pushImage('deletes/app', image, 'v1');
      await read.assertHolds('deletes/app', 'v1', image);
      await write.deleteManifest('deletes/app', image.manifest.digest);
      for (const reference of ['v1', image.manifest.digest])
        assert.equal(await read.status('GET', `/v2/deletes/app/manifests/${reference}`), 404, reference);
    });

    it('sees a blob unlinked by the other', async () => {
      const image = makeImage({ format: 'oci' });
      await write.pushImage('unlinks/app', image, 'v1');
      const { digest } = image.config;
      assert.equal(await read.status('HEAD', `/v2/unlinks/app/blobs/${digest}`), 200);
      assert.equal(await write.status('DELETE', `/v2/unlinks/app/blobs/${digest}`), 202);
      assert.equal(await read.status('HEAD', `/v2/unlinks/app/blobs/${digest}`), 404);
    });

    it('mounts a blob that was pushed through the other', async () => {
      const image: Image = makeImage({ format: 'oci' });
      await write.pushImage('mounts/source', image, 'v1');
      const path = `/v2/mounts/target/blobs/uploads/?mount=${image.config.digest}&from=mounts/source`;
      assert.equal(await read.status('POST', path), 201);
      for (const client of [read, write])
        assert.ok((await client.blob('mounts/target', image.config.digest)).equals(image.config.bytes));
    });

    it('pushes over what the other holds already', async () => {
      const image = makeImage({ format: 'docker' });
      await write.pushImage('again/app', image, 'v1');
      await read.pushImage('again/app', image, 'v2');
      for (const client of [read, write])
        for (const tag of ['v1', 'v2']) await client.assertHolds('again/app', tag, image);
    });
  });
}
