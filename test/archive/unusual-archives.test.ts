import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Digest } from '../../src/domain/digest.js';
import { parseReference } from '../../src/domain/reference.js';
import { EMPTY_JSON, blobDescriptor, descriptorOf, indexOf, jsonContent } from '../http/content.js';
import { onEveryStore } from '../support/in-process.js';
import { NAME, bytesEntry, importInto, layoutOf, savedImage, streamOf, tarArchive } from './archives.js';

const REF_NAME = 'org.opencontainers.image.ref.name';

onEveryStore('archive: unusual archives', (bench) => {
  const registry = () => bench().node.registry;
  const stored = (reference: string) => registry().manifests.get(NAME, parseReference(reference));

  it('takes zeros after a gzip, as tapes have them', async () => {
    const archive = await tarArchive(savedImage(['a:v1']).entries);
    for (const zeros of [1, 512, 300_000]) {
      const padded = Buffer.concat([gzipSync(archive), Buffer.alloc(zeros)]);
      for (const piece of [padded.byteLength, padded.byteLength - zeros, 1000]) {
        const report = await importInto(registry(), streamOf(padded, piece));
        assert.equal(report.bytes, archive.byteLength);
      }
    }
  });

  it('takes the children of an index as what they say they are, where their type is unknown', async () => {
    const type = 'application/vnd.example.manifest.v1+json';
    const manifest = jsonContent(type, {
      schemaVersion: 2,
      mediaType: type,
      config: blobDescriptor(EMPTY_JSON),
      layers: [],
    });
    const blobs = [
      jsonContent('application/vnd.buildkit.cacheconfig.v0', { layers: [], records: [] }),
      jsonContent('application/vnd.example.list.v1+json', { schemaVersion: 2, manifests: [] }),
      jsonContent('application/vnd.example.text.v1+json', 'text'),
    ];
    const index = indexOf([manifest, ...blobs].map(descriptorOf));
    const files = [manifest, ...blobs].map(({ bytes }) => bytesEntry(bytes));
    const layout = layoutOf([[index, { [REF_NAME]: 'v1' }]], [...files, bytesEntry(EMPTY_JSON)]);
    await importInto(registry(), await tarArchive(layout));
    assert.equal((await stored(manifest.digest)).mediaType, type);
    for (const { bytes, digest } of blobs) {
      assert.equal((await registry().blobs.stat(NAME, Digest.parse(digest))).size, bytes.byteLength);
      await assert.rejects(stored(digest), /unknown/);
    }
  });
});
