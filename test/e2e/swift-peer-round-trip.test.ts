import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { makeImage, type Content, type Image } from '../support/image.js';
import type { Peer } from '../support/peer.js';
import { RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { SwiftObjects } from '../support/swift-objects.js';
import { startSwiftPeer, swiftEnvironment } from '../support/swift-peer.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

const MIB = 1024 * 1024;
const EMPTY: Pick<Content, 'digest' | 'bytes'> = {
  digest: `sha256:${createHash('sha256').digest('hex')}`,
  bytes: Buffer.alloc(0),
};

// distribution joins its prefix as text; each of these is another place (and only the middle one looks right).
for (const [prefix, files, segments] of [
  ['', 'files/', 'segments/'],
  ['q', 'q/files/', 'q/segments/'],
  ['/q/', 'q//files/', 'q//segments/'],
] as const) {
  describe(`a Swift container with prefix '${prefix}', served by docker-registry and by Stackyard`, function () {
    this.timeout(120_000);
    let store: SwiftObjects;
    let peer: Peer;
    let server: ServerProcess;
    let theirs: RegistryClient;
    let ours: RegistryClient;

    before(async function () {
      const bed = await swiftBed(this);
      const place = { container: `peer-${randomUUID()}`, prefix };
      store = new SwiftObjects(bed, place, files);
      peer = await startSwiftPeer(this, bed, place);
      theirs = new RegistryClient(peer.url);
      // Distribution's files come first, so that the store is recognised as one that is shared.
      await theirs.pushImage('first/app', makeImage({ format: 'oci' }), 'v1');
      server = await startServer({ env: { ...swiftEnvironment(bed, place), ...WITH_LOGINS } });
      ours = new RegistryClient(server.url, ADMIN);
    });

    after(async () => {
      await (server as ServerProcess | undefined)?.stop();
      await (peer as Peer | undefined)?.stop();
      await (store as SwiftObjects | undefined)?.remove();
    });

    it('holds the blobs of both where the other looks for them, their segments beside', async () => {
      const [theirImage, ourImage] = [largeImage('docker'), largeImage('docker')];
      await theirs.pushImage('places/theirs', theirImage, 'v1');
      await ours.pushImage('places/ours', ourImage, 'v1');
      const dlo = await store.formOf(store.blobName(layerOf(theirImage).digest));
      assert.deepEqual([dlo.form, dlo.size], ['DLO', layerOf(theirImage).size]);
      assert.ok(dlo.segments?.startsWith(`${store.place.container}/${segments}`));
      assert.equal((await store.segmentsOf(dlo)).length, 6);
      const slo = await store.formOf(store.blobName(layerOf(ourImage).digest));
      assert.deepEqual([slo.form, slo.size, slo.segments], ['SLO', layerOf(ourImage).size, undefined]);
      assert.equal((await store.names(`${segments}stackyard/`)).length, 2);
      for (const client of [theirs, ours]) {
        await client.assertHolds('places/theirs', 'v1', theirImage);
        await client.assertHolds('places/ours', 'v1', ourImage);
        assert.deepEqual(await client.catalog(), ['first/app', 'places/ours', 'places/theirs']);
      }
    });

    it('serves an empty blob, also one that is a DLO without segments', async () => {
      // docker-registry cannot take one on Swift: it waits 15 s for segments and answers 500.
      await ours.pushBlob('empty/app', EMPTY);
      for (const client of [ours, theirs])
        assert.equal((await client.blob('empty/app', EMPTY.digest)).length, 0);
      const name = store.blobName(EMPTY.digest);
      const manifest = `${store.place.container}/${segments}2f6/of-nothing`;
      assert.equal((await store.request('PUT', name, { 'x-object-manifest': manifest })).status, 201);
      assert.equal((await store.formOf(name)).form, 'DLO');
      assert.equal((await ours.blob('empty/app', EMPTY.digest)).length, 0);
      const head = await ours.request('HEAD', `/v2/empty/app/blobs/${EMPTY.digest}`);
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, '0']);
    });

    // The other two places differ in names alone.
    if (prefix !== '/q/') return;

    for (const direction of ['docker-registry to Stackyard', 'Stackyard to docker-registry']) {
      describe(`from ${direction}`, () => {
        const clients = (): readonly [RegistryClient, RegistryClient] =>
          direction.startsWith('docker') ? [theirs, ours] : [ours, theirs];
        const place = direction.startsWith('docker') ? 'there' : 'here';

        for (const format of ['docker', 'oci'] as const) {
          it(`gives a ${format} image of large layers the same bytes, by tag and by digest`, async () => {
            const [write, read] = clients();
            const image = largeImage(format);
            await write.pushImage(`${place}/${format}`, image, 'v1');
            await read.assertHolds(`${place}/${format}`, 'v1', image);
            await read.assertHolds(`${place}/${format}`, image.manifest.digest, image);
          });
        }

        it('answers HEAD and ranges across segments', async () => {
          const [write, read] = clients();
          const image = largeImage('oci');
          const { digest, size, bytes } = layerOf(image);
          await write.pushImage(`${place}/ranges`, image, 'v1');
          const path = `/v2/${place}/ranges/blobs/${digest}`;
          const head = await read.request('HEAD', path);
          assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(size)]);
          for (const [start, end] of [
            [0, 9],
            [MIB - 2, MIB + 1],
            [100, 4 * MIB + 100],
            [size - 3, size - 1],
          ] as const) {
            const headers = { range: `bytes=${start}-${end}` };
            const answer = await read.request('GET', path, { headers });
            assert.equal(answer.status, 206);
            assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end}/${size}`);
            const part = Buffer.from(await answer.arrayBuffer());
            assert.ok(part.equals(bytes.subarray(start, end + 1)), `${start}-${end} differs`);
          }
        });

        it('lists tags and repositories', async () => {
          const [write, read] = clients();
          const image = makeImage({ format: 'oci', layers: 1 });
          for (const tag of ['v2', 'v1', 'v1-rc']) await write.pushImage(`${place}/deep/er/app`, image, tag);
          assert.deepEqual((await read.tags(`${place}/deep/er/app`)).sort(), ['v1', 'v1-rc', 'v2']);
          assert.deepEqual(await read.catalog(), await write.catalog());
          assert.ok((await read.catalog()).includes(`${place}/deep/er/app`));
        });

        it('shows a tag moved, a manifest deleted and a blob unlinked', async () => {
          const [write, read] = clients();
          const [before, after] = [makeImage({ format: 'oci' }), makeImage({ format: 'oci' })];
          const repository = `${place}/changes`;
          await write.pushImage(repository, before, 'latest');
          await read.assertHolds(repository, 'latest', before);
          await write.pushImage(repository, after, 'latest');
          await read.assertHolds(repository, 'latest', after);
          await write.deleteManifest(repository, after.manifest.digest);
          for (const reference of ['latest', after.manifest.digest])
            assert.equal(await read.status('GET', `/v2/${repository}/manifests/${reference}`), 404);
          const blob = `/v2/${repository}/blobs/${before.config.digest}`;
          assert.equal(await read.status('HEAD', blob), 200);
          assert.equal(await write.status('DELETE', blob), 202);
          assert.equal(await read.status('HEAD', blob), 404);
        });

        it('takes a push and a mount of what the other holds', async () => {
          const [write, read] = clients();
          const image = largeImage('docker');
          await write.pushImage(`${place}/again`, image, 'v1');
          await read.pushImage(`${place}/again`, image, 'v2');
          const { digest, bytes } = layerOf(image);
          const mount = `/v2/${place}/mounted/blobs/uploads/?mount=${digest}&from=${place}/again`;
          assert.equal(await read.status('POST', mount), 201);
          for (const client of clients()) {
            for (const tag of ['v1', 'v2']) await client.assertHolds(`${place}/again`, tag, image);
            assert.ok((await client.blob(`${place}/mounted`, digest)).equals(bytes));
          }
        });
      });
    }
  });
}

/** One layer of a little more than 5 MiB. */
function largeImage(format: 'oci' | 'docker'): Image {
  return makeImage({ format, layers: 1, layerBytes: 5 * MIB });
}

function layerOf({ layers: [layer] }: Image): Content {
  assert.ok(layer);
  return layer;
}
