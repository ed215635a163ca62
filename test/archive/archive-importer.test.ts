import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { ArchiveImporter } from '../../src/archive/archive-importer.js';
import { Digest } from '../../src/domain/digest.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { parseReference, parseTag } from '../../src/domain/reference.js';
import type { Registry } from '../../src/registry/registry.js';
import { digestOf } from '../http/client.js';
import {
  EMPTY_JSON,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from '../http/content.js';
import { onEveryStore } from '../support/in-process.js';
import {
  LIMITS,
  NAME,
  bytesEntry,
  everything,
  importInto,
  layoutOf,
  savedImage,
  streamOf,
  tarArchive,
} from './archives.js';

const LAYER = bytesOf(200_000, 7);
const SMALL = bytesOf(300, 8);
const REF_NAME = 'org.opencontainers.image.ref.name';

onEveryStore('archive/archive-importer', (bench) => {
  const registry = (): Registry => bench().node.registry;
  const stored = (reference: string) => registry().manifests.get(NAME, parseReference(reference));
  const blob = async (bytes: Buffer): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    const { body } = await registry().blobs.openWhole(NAME, Digest.parse(digestOf(bytes)));
    // A chunk is ours only until the next one.
    for await (const chunk of body) chunks.push(Buffer.from(chunk as Buffer));
    return Buffer.concat(chunks);
  };
  const listing = () => everything(bench().node.driver);

  it('takes an OCI layout: manifests byte for byte, blobs, tags', async () => {
    const image = imageOf([LAYER, SMALL]);
    const archive = await tarArchive(
      layoutOf([[image, { [REF_NAME]: 'v1' }]], [LAYER, SMALL, EMPTY_JSON].map(bytesEntry)),
    );
    const report = await importInto(registry(), archive);
    assert.deepEqual(
      report.images.map(({ digest, ...rest }) => ({ ...rest, digest: digest.toString() })),
      [{ mediaType: MEDIA_TYPE.ociManifest, tags: ['v1'], digest: image.digest }],
    );
    assert.equal(report.bytes, archive.byteLength);
    assert.deepEqual(report.blobs, { added: 3, known: 0 });
    assert.ok((await stored('v1')).bytes.equals(image.bytes));
    for (const bytes of [LAYER, SMALL, EMPTY_JSON]) assert.ok((await blob(bytes)).equals(bytes));
  });

  it('takes what docker save writes, in any order, always as the same image', async () => {
    const { entries, config, layers } = savedImage(
      ['example.com:5000/some/thing:v2', 'thing:latest'],
      [30_000, 500, 0],
    );
    const report = await importInto(registry(), await tarArchive(entries));
    const [image] = report.images;
    assert.deepEqual(image?.tags, ['v2', 'latest']);
    const manifest = JSON.parse((await stored('v2')).bytes.toString()) as Record<string, unknown>;
    const layerType = 'application/vnd.docker.image.rootfs.diff.tar';
    assert.deepEqual(manifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.dockerManifest,
      config: blobDescriptor(config, 'application/vnd.docker.container.image.v1+json'),
      layers: layers.map((layer) => blobDescriptor(layer, layerType)),
    });
    const again = await importInto(registry(), await tarArchive([...entries].reverse()));
    assert.ok(image !== undefined && again.images[0]?.digest.equals(image.digest));
    for (const bytes of [config, ...layers]) assert.ok((await blob(bytes)).equals(bytes));
  });

  it('follows the links of repeated layers', async () => {
    const [layer = LAYER] = savedImage(null, [9000]).layers;
    const config = Buffer.from(
      JSON.stringify({ rootfs: { diff_ids: [0, 1, 2].map(() => digestOf(layer)) } }),
    );
    const names = ['one/layer.tar', 'other/layer.tar', 'third/layer.tar'];
    const archive = await tarArchive([
      { name: 'other/layer.tar', type: 'symlink', linkname: '../one/layer.tar' },
      { name: 'third/layer.tar', type: 'symlink', linkname: '../one.tar' },
      ['./one/layer.tar', layer],
      ['one.tar', layer],
      ['c.json', config],
      ['manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:b'], Layers: names }])],
    ]);
    const report = await importInto(registry(), archive);
    assert.deepEqual(report.blobs, { added: 2, known: 0 });
  });

  it('takes gzip, of several members too, and compressed layers as they are', async () => {
    const { config, layers } = savedImage(['a:gz']);
    const packed = layers.map((layer) => gzipSync(layer));
    const names = packed.map((_, index) => `${index}.tar`);
    const saved = JSON.stringify([{ Config: 'c.json', RepoTags: ['a:gz'], Layers: names }]);
    const archive = await tarArchive([
      ['manifest.json', saved],
      ['c.json', config],
      ...packed.map((layer, index) => [names[index] ?? '', layer] as const),
    ]);
    const half = Math.floor(archive.byteLength / 2);
    const members = Buffer.concat([gzipSync(archive.subarray(0, half)), gzipSync(archive.subarray(half))]);
    const report = await importInto(registry(), members);
    assert.equal(report.bytes, archive.byteLength);
    const { bytes } = await stored('gz');
    const types = (JSON.parse(bytes.toString()) as { layers: { mediaType: string }[] }).layers;
    assert.ok(types.every(({ mediaType }) => mediaType.endsWith('diff.tar.gzip')));
    assert.ok((await blob(packed[0] ?? LAYER)).equals(packed[0] ?? LAYER));
  });

  it('takes an index with its children, an artifact with its subject, and sha512', async () => {
    const images = [imageOf([LAYER]), imageOf([SMALL])];
    const index = indexOf(images.map(descriptorOf));
    const artifact = imageOf([], { subject: descriptorOf(index), artifactType: 'text/spam' });
    const hex = digestOf(LAYER, 'sha512');
    const long = jsonContent(MEDIA_TYPE.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: blobDescriptor(EMPTY_JSON),
      layers: [{ ...blobDescriptor(LAYER), digest: hex }],
    });
    const archive = await tarArchive([
      ...[LAYER, SMALL, EMPTY_JSON].map(bytesEntry),
      [`blobs/${hex.replace(':', '/')}`, LAYER],
      ...images.map(({ bytes }) => bytesEntry(bytes)),
      ...layoutOf(
        [
          [index, { [REF_NAME]: 'registry.example.com/x/y:multi' }],
          [artifact],
          [long, { 'io.containerd.image.name': 'docker.io/library/x:long' }],
        ],
        [],
      ),
    ]);
    const report = await importInto(registry(), archive);
    assert.deepEqual(
      report.images.map(({ tags }) => tags),
      [['multi'], [], ['long']],
    );
    assert.ok((await stored('multi')).bytes.equals(index.bytes));
    for (const image of images) assert.ok((await stored(image.digest)).bytes.equals(image.bytes));
    assert.ok((await stored('long')).bytes.equals(long.bytes));
    const referrers: string[] = [];
    for await (const { digest } of registry().referrers.list(NAME, Digest.parse(index.digest)))
      referrers.push(digest.toString());
    assert.deepEqual(referrers, [artifact.digest]);
  });

  it('stores nothing new the second time', async () => {
    const image = imageOf([LAYER, SMALL]);
    const layout = layoutOf([[image, { [REF_NAME]: 'v1' }]], [LAYER, SMALL, EMPTY_JSON].map(bytesEntry));
    for (const entries of [layout, savedImage(['a:saved'], [150_000, 10]).entries]) {
      const archive = await tarArchive(entries);
      const options = [{}, { maxManifestBytes: 2000 }];
      await importInto(registry(), archive);
      const before = await listing();
      for (const limits of options) {
        const report = await importInto(registry(), archive, {}, limits);
        assert.equal(report.blobs.added, 0);
        assert.deepEqual(await listing(), before);
      }
    }
  });

  it('stores nothing but links for what another repository holds', async () => {
    const { entries } = savedImage(['a:saved'], [150_000, 10]);
    const { node } = bench();
    const other = parseRepositoryName('other');
    const archive = await tarArchive(entries);
    await importInto(registry(), archive);
    const isBlob = (key: string): boolean => /\/blobs\/|^segments /.test(key);
    const before = (await listing()).filter(isBlob);
    const importer = new ArchiveImporter(node.registry, { ...LIMITS, maxManifestBytes: 2000 });
    const report = await importer.import(other, streamOf(archive));
    assert.equal(report.blobs.added, 3);
    assert.deepEqual((await listing()).filter(isBlob), before);
  });

  it('gives the tags that it is told to the one image of an archive', async () => {
    const { entries } = savedImage(['a:there']);
    const tags = ['one', 'two'].map(parseTag);
    const report = await importInto(registry(), await tarArchive(entries), { tags });
    assert.deepEqual(report.images[0]?.tags, ['one', 'two']);
    await assert.rejects(stored('there'), /unknown/);
    await stored('two');
  });

  it('takes the tags of manifest.json where an index.json without any lies beside it', async () => {
    const { config, layers } = savedImage(null);
    const image = jsonContent(MEDIA_TYPE.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: blobDescriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => blobDescriptor(layer)),
    });
    const at = (bytes: Buffer): string => `blobs/sha256/${digestOf(bytes).slice(7)}`;
    const saved = [{ Config: at(config), RepoTags: ['x/y:saved'], Layers: layers.map(at) }];
    const beside = [config, ...layers].map(bytesEntry);
    const files = [...beside, ['manifest.json', JSON.stringify(saved)] as const];
    const untagged = await importInto(registry(), await tarArchive(layoutOf([[image]], files)));
    assert.deepEqual(
      untagged.images.map(({ tags }) => tags),
      [['saved']],
    );
    assert.equal((await stored('saved')).digest.toString(), image.digest);
    const tagged = layoutOf([[image, { [REF_NAME]: 'named' }]], files);
    assert.deepEqual((await importInto(registry(), await tarArchive(tagged))).images[0]?.tags, ['named']);
  });

  it('reads the names of an archive only where no tags are given', async () => {
    const image = imageOf();
    const layout = layoutOf([[image, { [REF_NAME]: '1.0+build5' }]], [bytesEntry(EMPTY_JSON)]);
    const given = { tags: [parseTag('v1')] };
    await assert.rejects(
      importInto(registry(), await tarArchive(layout)),
      /"1.0\+build5".*; give the import a tag$/,
    );
    await importInto(registry(), await tarArchive(layout), given);
    assert.equal((await stored('v1')).digest.toString(), image.digest);
    const saved = await tarArchive(savedImage(['untagged']).entries);
    await assert.rejects(importInto(registry(), saved), /has no tag; give the import a tag$/);
    const report = await importInto(registry(), saved, given);
    assert.equal((await stored('v1')).digest.toString(), report.images[0]?.digest.toString());
  });

  it('stages small files beyond its memory, and reads manifests back from there', async () => {
    const layers = Array.from({ length: 40 }, (_, index) => bytesOf(1_000_000, index));
    const image = imageOf(layers);
    const archive = await tarArchive(
      [...layers, EMPTY_JSON].map(bytesEntry).concat(layoutOf([[image, { [REF_NAME]: 'v1' }]], [])),
    );
    const report = await importInto(registry(), archive);
    assert.deepEqual(report.blobs, { added: 41, known: 0 });
    assert.ok((await stored('v1')).bytes.equals(image.bytes));
    // Elsewhere the sets of committed blobs are the purge's.
    if (bench().store.name === 'filesystem')
      assert.deepEqual((await bench().node.driver.segments.list({ limit: 10 })).sets, []);
  }).timeout(20_000);
});
