import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { ArchiveExporter } from '../../src/archive/archive-exporter.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { parseReference, parseTag } from '../../src/domain/reference.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { StorageError } from '../../src/ports/storage-driver.js';
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
import type { Content } from '../http/content.js';
import { withFaults } from '../registry/faulty.js';
import { RegistryNode, onEveryStore, onStore, openStore } from '../support/in-process.js';
import {
  NAME,
  bytesEntry,
  everything,
  exported,
  filesOf,
  importInto,
  layoutOf,
  savedImage,
  tarArchive,
} from './archives.js';

const LAYER = bytesOf(300_000, 7);
const SMALL = bytesOf(300, 8);
const REF_NAME = 'org.opencontainers.image.ref.name';

function platformImage(architecture: string, layer: Buffer): { image: Content; config: Buffer } {
  const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', rootfs: { diff_ids: [] } }));
  const image = jsonContent(MEDIA_TYPE.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: blobDescriptor(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [blobDescriptor(layer)],
  });
  return { image, config };
}

const at = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

onEveryStore('archive/archive-exporter', (bench) => {
  const registry = (): Registry => bench().node.registry;
  const take = async (archive: Buffer) => importInto(registry(), archive);
  const stored = (reference: string) => registry().manifests.get(NAME, parseReference(reference));

  it('writes what it imports again, byte for byte, and the same bytes each time', async () => {
    const arm = platformImage('arm64', SMALL);
    const amd = platformImage('amd64', LAYER);
    const index = indexOf(
      [arm, amd].map(({ image }, place) => ({
        ...descriptorOf(image),
        platform: { os: 'linux', architecture: ['arm64', 'amd64'][place] },
      })),
    );
    const artifact = imageOf([SMALL], { subject: descriptorOf(index), artifactType: 'text/spam' });
    const blobs = [LAYER, SMALL, EMPTY_JSON, arm.config, amd.config, arm.image.bytes, amd.image.bytes];
    const roots = [[index, { [REF_NAME]: 'multi' }] as const, [artifact] as const];
    await take(await tarArchive(layoutOf(roots, blobs.map(bytesEntry))));
    const references = ['multi', artifact.digest, amd.image.digest];
    const archive = await exported(registry(), ...references);
    assert.ok(archive.equals(await exported(registry(), ...references)));

    const files = await filesOf(archive);
    const first = [...files.keys()].slice(0, 4);
    assert.deepEqual(first, ['oci-layout', 'index.json', 'manifest.json', 'repositories']);
    for (const { digest, bytes } of [index, artifact, arm.image, amd.image])
      assert.ok(files.get(at(digest))?.equals(bytes));
    for (const bytes of blobs) assert.ok(files.get(at(digestOf(bytes)))?.equals(bytes));
    assert.equal(files.size, 4 + 4 + 5);
    const top = JSON.parse(String(files.get('index.json'))) as { manifests: unknown[] };
    assert.deepEqual(top.manifests, [
      { ...descriptorOf(index), annotations: { [REF_NAME]: 'multi' } },
      descriptorOf(artifact),
      descriptorOf(amd.image),
    ]);
    const loaded = { Config: at(digestOf(amd.config)), Layers: [at(digestOf(LAYER))] };
    assert.deepEqual(JSON.parse(String(files.get('manifest.json'))), [
      { ...loaded, RepoTags: ['team/app:multi'] },
      { ...loaded, RepoTags: null },
    ]);

    const other = await bench().another();
    const before = await everything(other.driver);
    await importInto(other.registry, archive);
    assert.deepEqual(await everything(other.driver), before);
  });

  it('is taken by an empty store with the same manifests', async () => {
    await take(await tarArchive(savedImage(['a:v1'], [150_000, 500]).entries));
    const { digest, bytes } = await stored('v1');
    const archive = await exported(registry(), 'v1', digest.toString());
    const empty = await openStore('memory');
    const node = await RegistryNode.start(empty);
    const { images, blobs } = await importInto(node.registry, archive);
    assert.deepEqual([images.map(({ tags }) => tags), blobs], [[['v1']], { added: 3, known: 0 }]);
    const taken = await node.registry.manifests.get(NAME, parseReference('v1'));
    assert.ok(taken.bytes.equals(bytes));
    assert.ok((await exported(node.registry, 'v1')).equals(archive));
    await node.close();
    await empty.remove();
  });

  it('gives one image under each of its tags, and sha512 as it is named', async () => {
    const hex = digestOf(LAYER, 'sha512');
    const image = jsonContent(MEDIA_TYPE.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: blobDescriptor(EMPTY_JSON),
      layers: [{ ...blobDescriptor(LAYER), digest: hex }],
    });
    await take(
      await tarArchive(layoutOf([[image, { [REF_NAME]: 'a' }]], [bytesEntry(EMPTY_JSON), [at(hex), LAYER]])),
    );
    await registry().manifests.put(NAME, { tags: [parseTag('b')], bytes: image.bytes });
    const files = await filesOf(await exported(registry(), 'a', 'b', 'a'));
    const { manifests } = JSON.parse(String(files.get('index.json'))) as {
      manifests: { annotations: object }[];
    };
    assert.deepEqual(
      manifests.map(({ annotations }) => annotations),
      [{ [REF_NAME]: 'a' }, { [REF_NAME]: 'b' }],
    );
    assert.ok(files.get(at(hex))?.equals(LAYER));
    assert.equal(files.has('manifest.json'), false);
  });

  it('leaves images out of manifest.json whose layers old engines cannot unpack', async () => {
    const images = ['gzip', 'zstd'].map((suffix) =>
      imageOf([], {
        config: blobDescriptor(EMPTY_JSON, 'application/vnd.oci.image.config.v1+json'),
        layers: [blobDescriptor(SMALL, `application/vnd.oci.image.layer.v1.tar+${suffix}`)],
      }),
    );
    const roots = images.map((image, place) => [image, { [REF_NAME]: `v${place}` }] as const);
    await take(await tarArchive(layoutOf(roots, [SMALL, EMPTY_JSON].map(bytesEntry))));
    const saved = (await filesOf(await exported(registry(), 'v0', 'v1'))).get('manifest.json');
    assert.deepEqual(
      (JSON.parse(String(saved)) as { RepoTags: unknown }[]).map(({ RepoTags }) => RepoTags),
      [['team/app:v0']],
    );
  });

  it('refuses before the first byte what is not there', async () => {
    const exporter = new ArchiveExporter(registry());
    const unknown = (error: unknown): boolean =>
      error instanceof RegistryError && /UNKNOWN$/.test(error.code);
    await assert.rejects(exporter.export(NAME, [parseReference('nothing')]), unknown);
    await take(await tarArchive(savedImage(['a:v1']).entries));
    const { bytes } = await stored('v1');
    const [layer] = (JSON.parse(bytes.toString()) as { layers: { digest: string }[] }).layers;
    const reference = parseReference(layer?.digest ?? '');
    assert.ok(reference.kind === 'digest');
    await registry().blobs.delete(NAME, reference.digest);
    await assert.rejects(exporter.export(NAME, [parseReference('v1')]), unknown);
  });
});

describe('archive/archive-exporter: faults', () =>
  onStore('memory', (bench) => {
    const image = imageOf([LAYER], {
      layers: [
        blobDescriptor(LAYER),
        { ...blobDescriptor(bytesOf(9)), urls: ['https://example.com/'] },
        blobDescriptor(bytesOf(10), 'application/vnd.docker.image.rootfs.foreign.diff.tar'),
      ],
    });
    const index = indexOf([descriptorOf(image), descriptorOf(imageOf([SMALL]))]);

    it('leaves out what is fetched from elsewhere, and children that are not held', async () => {
      const { registry } = await bench().another({ references: 'sparse' });
      const layout = layoutOf(
        [[index, { [REF_NAME]: 'v1' }]],
        [LAYER, EMPTY_JSON, image.bytes].map(bytesEntry),
      );
      await importInto(registry, await tarArchive(layout), {}, { references: 'sparse' });
      const files = await filesOf(await exported(registry, 'v1'));
      const expected = [index.digest, image.digest, digestOf(EMPTY_JSON), digestOf(LAYER)].map(at);
      assert.deepEqual([...files.keys()], ['oci-layout', 'index.json', ...expected]);
    });

    it('fails where a blob changed its size, and destroys the body that it reads when it is destroyed', async () => {
      const { registry } = bench().node;
      await importInto(registry, await tarArchive(savedImage(['a:v1'], [3_000_000]).entries));
      const opened: { destroyed: boolean }[] = [];
      const blobs = withFaults(registry.blobs, {
        open: async (name, digest, member) => {
          const body = await registry.blobs.open(name, digest, member);
          opened.push(body);
          return body;
        },
      });
      const watched = await new ArchiveExporter({ ...registry, blobs }).export(NAME, [parseReference('v1')]);
      const chunks = watched.body.iterator({ destroyOnReturn: false });
      while (opened.length < 2) await chunks.next();
      assert.equal(opened.at(-1)?.destroyed, false);
      watched.body.destroy();
      await once(watched.body, 'close');
      assert.ok(opened.every(({ destroyed }) => destroyed));

      const short = withFaults(registry.blobs, {
        open: (name, digest, member) => registry.blobs.open(name, digest, member, { start: 0, end: 9 }),
      });
      const cut = await new ArchiveExporter({ ...registry, blobs: short }).export(NAME, [
        parseReference('v1'),
      ]);
      await assert.rejects(buffer(cut.body), (error) => error instanceof StorageError);
    });
  }));
