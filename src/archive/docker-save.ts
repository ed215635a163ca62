import { setImmediate as nextTurn } from 'node:timers/promises';
import { Digest } from '../domain/digest.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import type { Tag } from '../domain/reference.js';
import { digestOf } from '../registry/digester.js';
import type { ArchiveContents, ArchiveFile } from './archive-contents.js';
import { entryName } from './entry-names.js';
import type { ImportPlan } from './import-plan.js';
import { malformed, quoted, tooLarge } from './invalid-archive.js';
import { tagOfName } from './oci-layout.js';
import { DOCKER_TYPE, parseDockerConfig, parseSavedImages } from './saved-images.js';
import type { SavedImage } from './saved-images.js';

const SAVED_FILE = 'manifest.json';
/** What one layer takes in a manifest at least. */
const LAYER_BYTES = 100;
/** Of the manifests that are made for one archive: they stay in memory. */
const MOST_MADE_BYTES = 16 * 1024 * 1024;

/**
 * Plans what the `manifest.json` of `docker save` names. Such an archive has no manifests: they are made here, of
 * Docker's schema 2, always the same of the same files. @throws InvalidArchive
 */
export async function planDockerSave(
  contents: ArchiveContents,
  plan: ImportPlan,
  maxManifestBytes: number,
): Promise<void> {
  let made = 0;
  for (const saved of await savedImages(contents, maxManifestBytes)) {
    made += await planImage(contents, plan, saved, maxManifestBytes);
    if (made > MOST_MADE_BYTES)
      throw tooLarge(`the archive's images would have manifests above ${MOST_MADE_BYTES} bytes in all`);
    await nextTurn();
  }
}

/**
 * Gives the images of an OCI layout, where none has a tag there, those that `manifest.json` tells by their
 * configurations: newer engines write both. @throws InvalidArchive
 */
export async function tagAsSaved(
  contents: ArchiveContents,
  plan: ImportPlan,
  maxManifestBytes: number,
): Promise<void> {
  if ([...plan.images.values()].some(({ tags }) => tags.length > 0)) return;
  if (contents.file(SAVED_FILE) === undefined) return;
  const byConfig = new Map<string, Tag[]>();
  for (const saved of await savedImages(contents, maxManifestBytes)) {
    const config = contents.file(entryName(saved.config))?.digests.sha256.toString();
    if (config === undefined || saved.repoTags.length === 0) continue;
    const tags = byConfig.get(config) ?? [];
    byConfig.set(config, tags);
    for (const tag of tagsOf(saved)) tags.push(tag);
  }
  if (byConfig.size > 0) await plan.tagByConfig(byConfig);
}

async function savedImages(
  contents: ArchiveContents,
  maxManifestBytes: number,
): Promise<readonly SavedImage[]> {
  const file = contents.file(SAVED_FILE);
  if (file === undefined) throw malformed(`the archive holds neither ${SAVED_FILE} nor an OCI image layout`);
  return parseSavedImages(await contents.bytesOf(file), mostLayers(maxManifestBytes));
}

function mostLayers(maxManifestBytes: number): number {
  return Math.floor(maxManifestBytes / LAYER_BYTES);
}

function tagsOf({ repoTags }: SavedImage): Tag[] {
  return repoTags.map((text) => {
    const tag = text.includes(':') ? tagOfName(text) : undefined;
    if (tag === undefined)
      throw malformed(`${SAVED_FILE} names ${quoted(text)}, which has no tag; give the import a tag`);
    return tag;
  });
}

/** Answers the bytes of the manifest that is made for it. */
async function planImage(
  contents: ArchiveContents,
  plan: ImportPlan,
  saved: SavedImage,
  maxManifestBytes: number,
): Promise<number> {
  const config = named(contents, saved.config);
  requireOwnName(config);
  const diffIds = parseDockerConfig(
    config.name,
    await contents.bytesOf(config),
    mostLayers(maxManifestBytes),
  );
  if (diffIds.length !== saved.layers.length) {
    throw malformed(
      `the configuration ${quoted(config.name)} is of ${diffIds.length} layers, ${SAVED_FILE} names ${saved.layers.length}`,
    );
  }
  const layers = saved.layers.map((name, index) => layerOf(named(contents, name), diffIds[index] ?? ''));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.dockerManifest,
      config: { mediaType: DOCKER_TYPE.config, ...described(config) },
      layers: layers.map((file) => ({
        mediaType: file.isGzip ? DOCKER_TYPE.gzipLayer : DOCKER_TYPE.layer,
        ...described(file),
      })),
    }),
  );
  if (bytes.byteLength > maxManifestBytes)
    throw tooLarge(`the image ${quoted(config.name)} would have a manifest above ${maxManifestBytes} bytes`);
  const manifest = plan.addMade(digestOf(bytes), MEDIA_TYPE.dockerManifest, bytes, [config, ...layers]);
  plan.addImage(manifest, () => tagsOf(saved));
  return bytes.byteLength;
}

function named(contents: ArchiveContents, name: string): ArchiveFile {
  const file = contents.file(entryName(name));
  if (file === undefined)
    throw malformed(`${SAVED_FILE} names ${quoted(name)}, which is no file of the archive`);
  return file;
}

/** A configuration is called by its digest. */
function requireOwnName({ name, digests }: ArchiveFile): void {
  const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
  if (hex !== undefined && !Digest.of('sha256', hex).equals(digests.sha256))
    throw malformed(`the content of ${quoted(name)} has another digest than its name`);
}

/** What a compressed layer holds is known only to those who decompress it. */
function layerOf(file: ArchiveFile, diffId: string): ArchiveFile {
  if (!file.isGzip && file.digests.sha256.toString() !== diffId)
    throw malformed(`the layer ${quoted(file.name)} is not the one that its image's configuration tells`);
  return file;
}

function described({ size, digests }: ArchiveFile): { size: number; digest: string } {
  return { size, digest: digests.sha256.toString() };
}
