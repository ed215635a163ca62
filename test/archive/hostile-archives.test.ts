import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { InvalidArchive } from '../../src/archive/invalid-archive.js';
import type { ImportLimits, ImportOptions } from '../../src/archive/archive-importer.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { parseTag } from '../../src/domain/reference.js';
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
import { onStore } from '../support/in-process.js';
import type { Bench } from '../support/in-process.js';
import { bytesEntry, everything, importInto, layoutOf, savedImage, tarArchive } from './archives.js';
import type { Entry } from './archives.js';

interface Case {
  readonly title: string;
  readonly archive: () => Promise<Buffer>;
  readonly message: RegExp;
  readonly kind?: 'too-large';
  readonly limits?: Partial<ImportLimits>;
  readonly options?: ImportOptions;
}

const MIB = 1024 * 1024;
const LAYER = bytesOf(200_000, 7);
const REF_NAME = 'org.opencontainers.image.ref.name';
const GOOD = savedImage(['a:v1'], [150_000, 400]);
const IMAGE = imageOf([LAYER]);
const HEX = digestOf(LAYER).slice(7);
const FLIPPED = Buffer.from(LAYER).fill(0, 100, 200);

/** A good archive with these entries before its own. */
const with_ = (...entries: readonly Entry[]) => tarArchive([...entries, ...GOOD.entries]);
const good = () => tarArchive(GOOD.entries);
const layout = (...entries: readonly Entry[]) =>
  tarArchive(layoutOf([[IMAGE, { [REF_NAME]: 'v1' }]], entries));
/** A saved image of one layer, with these files and this manifest.json. */
const saved = (manifest: unknown, ...entries: readonly Entry[]) =>
  tarArchive([
    ...entries,
    ['manifest.json', typeof manifest === 'string' ? manifest : JSON.stringify(manifest)],
  ]);

/** An archive whose first header is changed. */
async function altered(change: (header: Buffer) => void, body: Buffer | string = 'x'): Promise<Buffer> {
  const archive = await with_(['first', body]);
  const header = archive.subarray(0, 512);
  change(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}

const extended = (type: string, body: Buffer) => altered((header) => header.write(type, 156), body);
const pax = (record: string): Buffer => Buffer.from(`${record.length + 4} ${record}\n`);

const CASES: readonly Case[] = [
  { title: 'nothing at all', archive: async () => Buffer.alloc(0), message: /is empty/ },
  { title: 'no tar', archive: async () => bytesOf(5000), message: /no tar archive, or is damaged/ },
  {
    title: 'no images',
    archive: () => tarArchive([['a', 'b']]),
    message: /neither manifest.json nor an OCI/,
  },
  { title: 'an absolute name', archive: () => with_(['/etc/passwd', 'x']), message: /absolute name/ },
  { title: 'a way out', archive: () => with_(['a/../../x', 'x']), message: /leads out of the archive/ },
  {
    title: 'a line break in a name',
    archive: () => with_(['a\nb', 'x']),
    message: /"a\\nb" has a character/,
  },
  {
    title: 'a name too long',
    archive: () => with_([`${'a'.repeat(90)}/${'b'.repeat(90)}/${'c'.repeat(90)}`, 'x']),
    message: /name above 255 bytes/,
  },
  {
    title: 'a symbolic link elsewhere',
    archive: () => with_({ name: 'a/layer.tar', type: 'symlink', linkname: '/etc/passwd' }),
    message: /symbolic link to "\/etc\/passwd"/,
  },
  {
    title: 'a symbolic link out of the archive',
    archive: () => with_({ name: 'a/layer.tar', type: 'symlink', linkname: '../../layer.tar' }),
    message: /symbolic link to/,
  },
  {
    title: 'a symbolic link to nothing',
    archive: () => with_({ name: 'a/layer.tar', type: 'symlink', linkname: '../b/layer.tar' }),
    message: /which is no file of the archive/,
  },
  {
    title: 'links in a circle',
    archive: () =>
      with_(
        { name: 'a/layer.tar', type: 'symlink', linkname: '../b/layer.tar' },
        { name: 'b/layer.tar', type: 'symlink', linkname: '../a/layer.tar' },
      ),
    message: /which is no file of the archive/,
  },
  {
    title: 'a hard link',
    archive: () => with_({ name: 'a', type: 'link', linkname: 'manifest.json' }),
    message: /"a" is a hard link/,
  },
  {
    title: 'a device',
    archive: () => with_({ name: 'a', type: 'character-device' }),
    message: /is a device/,
  },
  { title: 'a named pipe', archive: () => with_({ name: 'a', type: 'fifo' }), message: /is a named pipe/ },
  {
    title: 'a name twice',
    archive: () => with_(['./manifest.json', '[]']),
    message: /holds "manifest.json" twice/,
  },
  { title: 'a sparse file', archive: () => altered((h) => h.write('S', 156)), message: /a sparse file/ },
  {
    title: 'a sparse file of pax',
    archive: () => extended('x', pax('GNU.sparse.major=1')),
    message: /holds a sparse file/,
  },
  {
    title: 'one name for all',
    archive: () => extended('g', pax('path=aa')),
    message: /all its entries one path/,
  },
  {
    title: 'no pax records',
    archive: () => extended('x', Buffer.from('9999 a=b')),
    message: /not made of records/,
  },
  {
    title: 'a large extended header',
    archive: () => extended('L', Buffer.alloc(100_000, 'a')),
    message: /or one above 65536 bytes/,
  },
  {
    title: 'an impossible size',
    archive: () => altered((h) => h.fill(0xff, 124, 136)),
    message: /impossible size/,
  },
  {
    title: 'a directory with a body',
    archive: () => altered((h) => h.write('5', 156)),
    message: /is no file, but tells a size/,
  },
  { title: 'a damaged header', archive: async () => (await good()).fill(0xee, 3, 4), message: /checksum/ },
  {
    title: 'cut off within a file',
    archive: async () => (await good()).subarray(0, 100_000),
    message: /cut off within the entry ".*layer.tar"/,
  },
  {
    title: 'cut off between files',
    archive: async () => (await good()).subarray(0, -1024),
    message: /it has no end mark/,
  },
  {
    title: 'something after the end',
    archive: async () => Buffer.concat([await good(), Buffer.from('x')]),
    message: /goes on after its end mark/,
  },
  {
    title: 'a gzip cut off',
    archive: async () => gzipSync(await good()).subarray(0, -500),
    message: /no whole gzip/,
  },
  {
    title: 'a gzip that is damaged',
    archive: async () => gzipSync(await good()).fill(1, 5000, 6000),
    message: /no whole gzip/,
  },
  {
    title: 'something after a gzip and its zeros',
    archive: async () => Buffer.concat([gzipSync(await good()), Buffer.alloc(100_000), Buffer.from('x')]),
    message: /goes on after the end of its gzip/,
  },
  {
    title: 'something after a gzip',
    archive: async () => Buffer.concat([gzipSync(await good()), bytesOf(100)]),
    message: /goes on after the end of its gzip|no whole gzip/,
  },
  {
    title: 'too many entries',
    archive: () => with_(...Array.from({ length: 1000 }, (_, index): Entry => [`f${index}`, ''])),
    message: /more than 1000 entries/,
    kind: 'too-large',
  },
  {
    title: 'too many bytes',
    archive: async () => gzipSync(await good()),
    message: /more than 100000 bytes/,
    kind: 'too-large',
    limits: { maxBytes: 100_000 },
  },
  {
    title: 'a bomb',
    archive: async () => gzipSync(await with_(['zeros', Buffer.alloc(300 * 1024 * 1024)]), { level: 1 }),
    message: /expands to more than 200 times its size/,
    kind: 'too-large',
  },
  {
    title: 'a blob of another digest',
    archive: () => layout(bytesEntry(EMPTY_JSON), [`blobs/sha256/${HEX}`, FLIPPED]),
    message: /has another digest than its name/,
  },
  {
    title: 'a small blob of another digest',
    archive: () => layout([`blobs/sha256/${HEX}`, '{}']),
    message: /has another digest than its name/,
  },
  {
    title: 'a blob without a digest',
    archive: () => layout(['blobs/sha256/abc', '{}']),
    message: /64 lower-case/,
  },
  {
    title: 'an unknown algorithm',
    archive: () => layout(['blobs/md5/abc', '{}']),
    message: /no blob of an OCI layout/,
  },
  {
    title: 'a missing layer',
    archive: () => layout(bytesEntry(EMPTY_JSON)),
    message: new RegExp(`needs sha256:${HEX}`),
  },
  {
    title: 'a missing child',
    archive: () => tarArchive(layoutOf([[indexOf([descriptorOf(IMAGE)])]], [])),
    message: new RegExp(`needs ${IMAGE.digest}`),
  },
  {
    title: 'a manifest that is none',
    archive: () => tarArchive(layoutOf([[jsonContent(MEDIA_TYPE.ociManifest, [])]], [])),
    message: /the manifest "blobs\/.*" is invalid: the manifest is not a JSON object/,
  },
  {
    title: 'a missing image',
    archive: () =>
      tarArchive([
        ['oci-layout', '{}'],
        ['index.json', JSON.stringify({ schemaVersion: 2, manifests: [descriptorOf(IMAGE)] })],
      ]),
    message: /index.json names sha256:.*, which the archive does not hold/,
  },
  {
    title: 'a wrong size',
    archive: () =>
      tarArchive([
        ['oci-layout', '{}'],
        ['index.json', JSON.stringify({ manifests: [{ ...descriptorOf(IMAGE), size: 3 }] })],
        bytesEntry(IMAGE.bytes),
      ]),
    message: /its descriptor tells 3/,
  },
  {
    title: 'a wrong size of a layer',
    archive: () => {
      const layers = [{ ...blobDescriptor(LAYER), size: 5 }];
      return tarArchive(
        layoutOf(
          [[imageOf([], { layers })]],
          [LAYER, EMPTY_JSON].map((bytes) => bytesEntry(bytes)),
        ),
      );
    },
    message: /has 200000 bytes, its descriptor tells 5/,
  },
  { title: 'no index.json', archive: () => tarArchive([['oci-layout', '{}']]), message: /but no index.json/ },
  {
    title: 'an index.json that is none',
    archive: () =>
      tarArchive([
        ['oci-layout', '{}'],
        ['index.json', '{"manifests":1}'],
      ]),
    message: /index.json is invalid/,
  },
  {
    title: 'a large index.json',
    archive: () =>
      tarArchive([
        ['oci-layout', '{}'],
        ['index.json', Buffer.alloc(5_000_000, ' ')],
      ]),
    message: /"index.json" is above/,
    kind: 'too-large',
  },
  {
    title: 'an index.json of nothing',
    archive: () => tarArchive(layoutOf([], [])),
    message: /names no image/,
  },
  {
    title: 'one tag for two images',
    archive: () =>
      tarArchive(
        layoutOf(
          [imageOf([LAYER]), imageOf([])].map((image) => [image, { [REF_NAME]: 'v1' }] as const),
          [LAYER, EMPTY_JSON].map(bytesEntry),
        ),
      ),
    message: /gives the tag v1 to sha256:/,
  },
  {
    title: 'a name that is no tag',
    archive: () =>
      tarArchive(layoutOf([[IMAGE, { [REF_NAME]: 'x:-y' }]], [LAYER, EMPTY_JSON].map(bytesEntry))),
    message: /names "x:-y": a tag has .*; give the import a tag/,
  },
  {
    title: 'a manifest.json that is no JSON',
    archive: () => saved('{'),
    message: /"manifest.json" is not JSON/,
  },
  { title: 'a manifest.json of no list', archive: () => saved({}), message: /not a list of images/ },
  { title: 'a manifest.json of nothing', archive: () => saved([]), message: /names no image/ },
  { title: 'no name of a file', archive: () => saved([{}]), message: /Config is not the name of a file/ },
  {
    title: 'no configuration',
    archive: () => saved([{ Config: 'x.json', RepoTags: null, Layers: [] }]),
    message: /names "x.json", which is no file/,
  },
  {
    title: 'a configuration of another digest',
    archive: () => saved([{ Config: `${HEX}.json`, Layers: [] }], [`${HEX}.json`, '{}']),
    message: /another digest than its name/,
  },
  {
    title: 'a layer too many',
    archive: () => saved([{ Config: 'c', Layers: ['c'] }], ['c', '{"rootfs":{"diff_ids":[]}}']),
    message: /is of 0 layers, manifest.json names 1/,
  },
  {
    title: 'a layer of another digest',
    archive: () =>
      saved(
        [{ Config: 'c', Layers: ['l'] }],
        ['l', FLIPPED],
        ['c', JSON.stringify({ rootfs: { diff_ids: [digestOf(LAYER)] } })],
      ),
    message: /the layer "l" is not the one/,
  },
  {
    title: 'a name without a tag',
    archive: () => saved([{ Config: 'c', RepoTags: ['x'], Layers: [] }], ['c', '{"rootfs":{}}']),
    message: /names "x", which has no tag/,
  },
  {
    title: 'tags for two images',
    archive: () =>
      tarArchive(
        layoutOf([[imageOf([])], [IMAGE, { [REF_NAME]: 'v1' }]], [LAYER, EMPTY_JSON].map(bytesEntry)),
      ),
    message: /tags can be given to an archive of one image; this one holds 2: sha256:.*, sha256:/,
    options: { tags: [parseTag('x')] },
  },
];

// A store of small inline uploads stages as the other memory store does.
for (const store of ['memory', 'filesystem'] as const)
  describe(`archive: hostile archives [${store}]`, () => onStore(store, refusals));

const made = new Map<string, Promise<Buffer>>();

function refusals(bench: () => Bench): void {
  for (const { title, archive, message, kind = 'malformed', limits = {}, options = {} } of CASES) {
    // A smaller bound has layers staged, which otherwise lie in memory.
    for (const maxManifestBytes of kind === 'too-large' ? [4 * MIB] : [4 * MIB, 2000]) {
      it(`refuses ${title}, and keeps nothing of it (${maxManifestBytes})`, async () => {
        const bytes = made.get(title) ?? archive();
        made.set(title, bytes);
        const { node } = bench();
        const before = await everything(node.driver);
        const importing = importInto(node.registry, await bytes, options, { maxManifestBytes, ...limits });
        await assert.rejects(importing, (error: unknown) => {
          assert.ok(error instanceof InvalidArchive, String(error));
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/);
          assert.equal(error.kind, kind);
          return true;
        });
        assert.deepEqual(await everything(node.driver), before);
      }).timeout(20_000);
    }
  }

  it('takes the good archives that they were made of', async () => {
    assert.equal((await importInto(bench().node.registry, await good())).images.length, 1);
    const whole = await layout(...[LAYER, EMPTY_JSON].map(bytesEntry));
    assert.equal((await importInto(bench().node.registry, whole)).images.length, 1);
  });
}
