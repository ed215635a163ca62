import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { Digest } from '../../src/domain/digest.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { digestOf } from '../http/client.js';
import { bytesOf } from '../http/content.js';
import { withFaults } from '../registry/faulty.js';
import { DAY, onEveryStore } from '../support/in-process.js';
import { NAME, everything, streamOf } from './archives.js';

const BYTES = bytesOf(10_000_000, 3);
const DIGEST = Digest.parse(digestOf(BYTES));
const LONG = Digest.parse(digestOf(BYTES, 'sha512'));

onEveryStore('registry/staged-blobs', (bench) => {
  const uploads = () => bench().node.registry.uploads.staged;
  const blobs = () => bench().node.registry.blobs;
  const sets = async () => (await bench().node.driver.segments.list({ limit: 10 })).sets.length;
  const read = async (digest: Digest): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    // A chunk is ours only until the next one.
    for await (const chunk of (await blobs().openWhole(NAME, digest)).body)
      chunks.push(Buffer.from(chunk as Buffer));
    return Buffer.concat(chunks);
  };

  it('are no blobs before they are committed, and nothing once they are discarded', async () => {
    const before = await everything(bench().node.driver);
    const staged = await uploads().stage(streamOf(BYTES), { algorithm: 'sha512' });
    assert.equal(staged.size, BYTES.byteLength);
    assert.ok(staged.digests.sha256.equals(DIGEST) && staged.digests.sha512?.equals(LONG));
    assert.ok((await buffer(Readable.from(uploads().read(staged)))).equals(BYTES));
    assert.equal(await blobs().has(NAME, DIGEST), false);
    assert.equal(await sets(), 1);
    await uploads().discard(staged);
    assert.deepEqual(await everything(bench().node.driver), before);
  });

  it('are committed under either digest, the second time by a link alone', async () => {
    await uploads().commit(NAME, LONG, await uploads().stage(streamOf(BYTES), { algorithm: 'sha512' }));
    assert.ok((await read(LONG)).equals(BYTES));
    const held = await sets();
    await blobs().delete(NAME, DIGEST);
    const again = await uploads().stage(streamOf(BYTES));
    assert.equal(await sets(), held + 1);
    await uploads().commit(NAME, DIGEST, again);
    assert.equal(await sets(), held);
    assert.ok((await read(DIGEST)).equals(BYTES));
  });

  it('stay as they are when another digest is asked for', async () => {
    const staged = await uploads().stage(streamOf(BYTES));
    const other = Digest.parse(digestOf(Buffer.from('other')));
    const invalid = (error: unknown): boolean =>
      error instanceof RegistryError && error.code === 'DIGEST_INVALID';
    await assert.rejects(uploads().commit(NAME, other, staged), invalid);
    await assert.rejects(uploads().commit(NAME, LONG, staged), invalid);
    await uploads().commit(NAME, DIGEST, staged);
    assert.ok((await read(DIGEST)).equals(BYTES));
  });

  it('are left to the purge when their commit fails: the blob may be there', async () => {
    const { driver } = bench().node;
    const broken = withFaults(driver, {
      segments: withFaults(driver.segments, {
        commit: async (...commit) => {
          await driver.segments.commit(...commit);
          throw new StorageError('UNAVAILABLE', 'the answer was lost');
        },
      }),
    });
    const { registry } = await bench().another({ driver: broken });
    const { staged } = registry.uploads;
    const blob = await staged.stage(streamOf(BYTES));
    await assert.rejects(staged.commit(NAME, DIGEST, blob), /the answer was lost/);
    const before = await everything(driver);
    await staged.discard(blob);
    assert.deepEqual(await everything(driver), before);
  });

  it('are refused when the purge may soon take them, and nothing is kept', async () => {
    const { store } = bench();
    const [old, young] = [await uploads().stage(streamOf(BYTES)), await uploads().stage(streamOf(BYTES))];
    store.clock.advance(6 * DAY);
    assert.ok(uploads().isYoung(old));
    await uploads().commit(NAME, DIGEST, young);
    await blobs().delete(NAME, DIGEST);
    store.clock.advance(1);
    assert.equal(uploads().isYoung(old), false);
    await assert.rejects(
      uploads().commit(NAME, DIGEST, old),
      (error) => error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN',
    );
    assert.equal(await blobs().has(NAME, DIGEST), false);
    const held = await sets();
    await uploads().discard(old);
    assert.equal(await sets(), held - 1);
  });

  it('leave nothing of a body that fails', async () => {
    const failing = async function* () {
      yield BYTES;
      throw new Error('gone away');
    };
    await assert.rejects(uploads().stage(failing()), /gone away/);
    assert.equal(await sets(), 0);
  });
});
