import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { ArchiveExporter } from '../../src/archive/archive-exporter.js';
import { ArchiveImporter } from '../../src/archive/archive-importer.js';
import type { ImportLimits, ImportOptions, ImportReport } from '../../src/archive/archive-importer.js';
import { KEY_ROOTS } from '../../src/domain/keys.js';
import { parseReference } from '../../src/domain/reference.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { listAll } from '../../src/ports/listing.js';
import type { Registry } from '../../src/registry/registry.js';
import { digestOf } from '../http/client.js';
import { bytesOf, descriptorOf } from '../http/content.js';
import type { Content } from '../http/content.js';
import { tarOf } from '../support/image.js';

export const NAME = parseRepositoryName('team/app');
const MIB = 1024 * 1024;

export const LIMITS: ImportLimits = {
  maxBytes: 512 * MIB,
  maxEntries: 1000,
  maxManifestBytes: 4 * MIB,
  references: 'required',
};

/** A file by its name and bytes, or an entry without a body by its header. */
export type Entry =
  readonly [name: string, bytes: Buffer | string] | (Partial<Header> & Pick<Header, 'name'>);

/** Made by another program's rules than those by which it is read here. */
export async function tarArchive(entries: readonly Entry[]): Promise<Buffer> {
  const packing = pack();
  const bytes = buffer(packing);
  for (const entry of entries) {
    if (isFile(entry)) packing.entry({ name: entry[0] }, entry[1]);
    else packing.entry({ ...entry }, '');
  }
  packing.finalize();
  return bytes;
}

function isFile(entry: Entry): entry is readonly [string, Buffer | string] {
  return Array.isArray(entry);
}

/** The files of a tar archive, in order. */
export async function filesOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const extracting = extract();
  extracting.on('entry', (header, stream, next) => {
    buffer(stream).then((bytes) => (files.set(header.name, bytes), next()), next);
  });
  extracting.end(archive);
  await once(extracting, 'finish');
  return files;
}

export function blobEntry(content: { readonly digest: string; readonly bytes: Buffer }): Entry {
  return [`blobs/${content.digest.replace(':', '/')}`, content.bytes];
}

export function bytesEntry(bytes: Buffer): Entry {
  return blobEntry({ digest: digestOf(bytes), bytes });
}

/** The files of an OCI layout whose index names `roots`, each with these annotations. */
export function layoutOf(
  roots: readonly (readonly [root: Content, annotations?: Readonly<Record<string, string>>])[],
  blobs: readonly Entry[],
): Entry[] {
  const manifests = roots.map(([root, annotations]) => ({
    ...descriptorOf(root),
    ...(annotations && { annotations }),
  }));
  const unique = new Map(roots.map(([root]) => [root.digest, root]));
  return [
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
    ['index.json', JSON.stringify({ schemaVersion: 2, manifests })],
    ...[...unique.values()].map(blobEntry),
    ...blobs,
  ];
}

export interface SavedFiles {
  readonly entries: Entry[];
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
}

/** As `docker save` of engine 20.10 writes an image. */
export function savedImage(
  repoTags: readonly string[] | null,
  sizes: readonly number[] = [20_000, 300],
  seed = 1,
): SavedFiles {
  const layers = sizes.map((size, index) => tarOf(`file-${index}`, bytesOf(size, seed + index)));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      history: layers.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: `test ${seed}` })),
    }),
  );
  const ids = layers.map((layer) => digestOf(Buffer.from(digestOf(layer))).slice(7));
  const configName = `${digestOf(config).slice(7)}.json`;
  const manifest = [{ Config: configName, RepoTags: repoTags, Layers: ids.map((id) => `${id}/layer.tar`) }];
  const entries: Entry[] = layers.flatMap((layer, index): Entry[] => [
    { name: `${ids[index]}/`, type: 'directory' },
    [`${ids[index]}/VERSION`, '1.0'],
    [`${ids[index]}/json`, '{}'],
    [`${ids[index]}/layer.tar`, layer],
  ]);
  entries.push([configName, config], ['manifest.json', JSON.stringify(manifest)], ['repositories', '{}']);
  return { entries, config, layers };
}

/** A stream as a request gives it: in pieces that have nothing to do with the entries. */
export function streamOf(bytes: Buffer, piece = 40_000): Readable {
  function* pieces() {
    for (let start = 0; start < bytes.byteLength; start += piece) yield bytes.subarray(start, start + piece);
  }
  return Readable.from(pieces(), { objectMode: false });
}

export function importInto(
  registry: Registry,
  archive: Buffer | Readable,
  options: ImportOptions = {},
  limits: Partial<ImportLimits> = {},
): Promise<ImportReport> {
  const importer = new ArchiveImporter(registry, { ...LIMITS, ...limits });
  return importer.import(NAME, Buffer.isBuffer(archive) ? streamOf(archive) : archive, options);
}

/** The whole archive; its size was told before. */
export async function exported(registry: Registry, ...references: readonly string[]): Promise<Buffer> {
  const { size, body } = await new ArchiveExporter(registry).export(NAME, references.map(parseReference));
  const bytes = await buffer(body);
  if (bytes.byteLength !== size) throw new Error(`${size} bytes were told, ${bytes.byteLength} came`);
  return bytes;
}

/** Everything that the store holds, segment sets included. */
export async function everything(driver: StorageDriver): Promise<readonly string[]> {
  const found: string[] = [];
  for (const prefix of KEY_ROOTS) for await (const key of listAll(driver, { prefix })) found.push(key);
  const { sets } = await driver.segments.list({ limit: 1000 });
  return [...found, ...sets.map(({ set }) => `segments ${set}`)];
}
