import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { blobDataKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { BlobStore } from '../../src/registry/blob-store.js';
import { Client, digestOf } from '../http/client.js';
import { bytesOf } from '../http/content.js';
import { onEveryStore } from '../support/in-process.js';
import { withFaults } from './faulty.js';

const NAME = parseRepositoryName('a');
const BYTES = bytesOf(5000, 3);

onEveryStore('registry/blob-store', (bench) => {
  /** Of a server that remembers nothing yet. */
  const freshBlobs = async (driver: StorageDriver = bench().store.driver()): Promise<BlobStore> =>
    (await bench().another({ driver })).registry.blobs;

  const read = async (blobs: BlobStore, digest: Digest): Promise<Buffer> => {
    const { member, body } = await blobs.openWhole(NAME, digest);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(Buffer.from(chunk as Buffer));
    const bytes = Buffer.concat(chunks);
    assert.equal(member.size, bytes.byteLength);
    return bytes;
  };

  const isUnknown = (error: unknown): boolean =>
    error instanceof RegistryError && error.code === 'BLOB_UNKNOWN';

  for (const algorithm of ['sha256', 'sha512']) {
    it(`opens a whole blob by its ${algorithm}, and knows it afterwards`, async () => {
      const digest = Digest.parse(await new Client(bench().node).pushBlob('a', BYTES, algorithm));
      const blobs = await freshBlobs();
      for (let time = 1; time <= 2; time++) assert.ok((await read(blobs, digest)).equals(BYTES));
      const { stored, size } = await blobs.stat(NAME, digest);
      assert.deepEqual([stored.toString(), size], [digestOf(BYTES), BYTES.byteLength]);
    });
  }

  it('neither a link without bytes nor bytes without a link are a blob', async () => {
    const driver = bench().store.driver();
    const digest = Digest.parse(await new Client(bench().node).pushBlob('b', BYTES));
    await assert.rejects((await freshBlobs()).openWhole(NAME, digest), isUnknown);
    await new Client(bench().node).pushBlob('a', BYTES);
    await driver.delete(blobDataKey(digest));
    await assert.rejects((await freshBlobs()).openWhole(NAME, digest), isUnknown);
  });

  it('does not remember a link that was deleted while the blob was opened', async () => {
    const digest = Digest.parse(await new Client(bench().node).pushBlob('a', BYTES));
    const driver = bench().store.driver();
    let deleted = false;
    const blobs: BlobStore = await freshBlobs(
      withFaults(driver, {
        get: async (key, options) => {
          const opened = await driver.get(key, options);
          if (!deleted) await blobs.delete(NAME, digest);
          deleted = true;
          return opened;
        },
      }),
    );
    assert.ok((await read(blobs, digest)).equals(BYTES));
    await assert.rejects(blobs.openWhole(NAME, digest), isUnknown);
  });

  it('a URL is signed for the stored bytes of a blob of the repository alone', async () => {
    const digest = Digest.parse(await new Client(bench().node).pushBlob('a', BYTES, 'sha512'));
    const driver = bench().store.driver();
    const expiresAt = new Date(1_800_000_000_000);
    const signed: unknown[] = [];
    const url = new URL('https://store.example/x?sig=y');
    const blobs = await freshBlobs(
      withFaults(driver, {
        signedUrl: async (...call) => {
          signed.push(call);
          return url;
        },
      }),
    );
    assert.equal(await blobs.signedUrl(NAME, digest, expiresAt), url);
    const key = blobDataKey(Digest.parse(digestOf(BYTES)));
    assert.deepEqual(signed, [[key, { method: 'GET', expiresAt }]]);
    await assert.rejects(blobs.signedUrl(parseRepositoryName('b'), digest, expiresAt), isUnknown);
    assert.equal(await (await freshBlobs()).signedUrl(NAME, digest, expiresAt), undefined);
  });
});
