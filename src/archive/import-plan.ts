import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import type { Tag } from '../domain/reference.js';
import { RegistryError } from '../errors/registry-error.js';
import { validateManifest } from '../registry/manifest-validator.js';
import type { ArchiveContents, ArchiveFile } from './archive-contents.js';
import { malformed, quoted, tooLarge } from './invalid-archive.js';

const DEEPEST = 8;
const MOST_MANIFESTS = 10_000;
/** Each is parsed, whatever it shrinks to in the archive. */
const MOST_MANIFEST_BYTES = 256 * 1024 * 1024;
/** Steps of a loop between which others get their turn. */
const STEPS_AT_ONCE = 500;
const MOST_LISTED = 5;
const MANIFEST_TYPES: readonly string[] = [
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.ociIndex,
  MEDIA_TYPE.dockerManifest,
  MEDIA_TYPE.dockerList,
];

export interface PlannedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  bytes(): Promise<Buffer>;
  /** The digest of its configuration. */
  readonly config?: string;
  /** Those that are manifests of the archive. */
  readonly children: readonly PlannedManifest[];
}

export interface PlannedBlob {
  readonly digest: Digest;
  readonly file: ArchiveFile;
}

/** A manifest that the archive itself names, with what it is to be called. */
export interface PlannedImage {
  readonly manifest: PlannedManifest;
  readonly tags: Tag[];
}

/** What an archive adds to a repository, each digest once, in the order in which it can be put. */
export class ImportPlan {
  /** Children before their index. */
  readonly manifests = new Map<string, PlannedManifest>();
  readonly blobs = new Map<string, PlannedBlob>();
  readonly images = new Map<string, PlannedImage>();
  private readonly tagged = new Map<Tag, string>();
  private read = { manifests: 0, bytes: 0 };

  constructor(
    private readonly contents: ArchiveContents,
    private readonly requireReferences: (manifest: Manifest) => Promise<void>,
    /** The tags of its one image; without them the archive's own names are read. */
    private readonly given: readonly Tag[] | undefined,
  ) {}

  /** One image may be named more than once. @throws InvalidArchive where a tag would be of two images; as `named` */
  addImage(manifest: PlannedManifest, named: () => readonly Tag[]): void {
    const key = manifest.digest.toString();
    const image = this.images.get(key) ?? { manifest, tags: [] };
    this.images.set(key, image);
    for (const tag of this.given === undefined ? named() : []) {
      const other = this.tagged.get(tag);
      if (other === key) continue;
      if (other !== undefined) throw malformed(`the archive gives the tag ${tag} to ${other} and to ${key}`);
      this.tagged.set(tag, key);
      image.tags.push(tag);
    }
  }

  /** Gives the one image the tags that were given. @throws InvalidArchive for several images */
  tagAsGiven(): void {
    if (this.given === undefined) return;
    const [image, ...others] = this.images.values();
    if (image === undefined || others.length > 0) {
      const there = [...this.images.keys()];
      throw malformed(
        `tags can be given to an archive of one image; this one holds ${there.length}: ${listed(there)}`,
      );
    }
    for (const tag of new Set(this.given)) image.tags.push(tag);
  }

  /**
   * Adds a manifest of the archive's, its blobs, and before it its children as far as the archive holds them.
   * @throws InvalidArchive
   */
  async addManifest(
    digest: Digest,
    file: ArchiveFile,
    mediaType: string,
    depth = 0,
  ): Promise<PlannedManifest> {
    const known = this.manifests.get(digest.toString());
    if (known !== undefined) return known;
    if (depth > DEEPEST) throw malformed(`the archive's indexes are nested deeper than ${DEEPEST}`);
    this.count(file);
    await nextTurn();
    const { manifest, mediaType: own } = await this.validated(file, mediaType);
    await nextTurn();
    await this.requireReferences(manifest);
    const children = new Set<PlannedManifest>();
    for (const [index, child] of manifest.manifests.entries()) {
      if (index % STEPS_AT_ONCE === 0) await nextTurn();
      const held = this.contents.blob(child.digest);
      if (held === undefined) continue;
      requireSize(held, child.size);
      if (await this.isManifest(child, held))
        children.add(await this.addManifest(child.digest, held, child.mediaType, depth + 1));
      else this.blobs.set(child.digest.toString(), { digest: child.digest, file: held });
    }
    this.addBlobsOf(manifest);
    const planned = {
      digest,
      mediaType: own,
      bytes: () => this.contents.bytesOf(file),
      ...(manifest.config && { config: manifest.config.digest.toString() }),
      children: [...children],
    };
    this.manifests.set(digest.toString(), planned);
    return planned;
  }

  /** Adds a manifest that the archive itself does not have, of files that it has. */
  addMade(digest: Digest, mediaType: string, bytes: Buffer, files: readonly ArchiveFile[]): PlannedManifest {
    for (const file of files)
      this.blobs.set(file.digests.sha256.toString(), { digest: file.digests.sha256, file });
    const planned = { digest, mediaType, bytes: async () => bytes, children: [] };
    this.manifests.set(digest.toString(), planned);
    return planned;
  }

  /**
   * Gives each image the tags of its configuration, and of those that its children have.
   * @throws InvalidArchive where two images have it
   */
  async tagByConfig(tags: ReadonlyMap<string, readonly Tag[]>): Promise<void> {
    // Only through these a search goes: so it ends soon at a configuration of two images, and looks at no other.
    const leading = new Set<PlannedManifest>();
    for (const planned of this.manifests.values()) {
      if (tags.has(planned.config ?? '') || planned.children.some((child) => leading.has(child)))
        leading.add(planned);
      await nextTurn();
    }
    for (const { manifest } of this.images.values()) {
      if (!leading.has(manifest)) continue;
      // Visits what is added to it meanwhile, too.
      const found = new Set([manifest]);
      for (const planned of found) {
        this.addImage(manifest, () => tags.get(planned.config ?? '') ?? []);
        for (const child of planned.children) if (leading.has(child)) found.add(child);
        await nextTurn();
      }
    }
  }

  private count({ size }: ArchiveFile): void {
    this.read = { manifests: this.read.manifests + 1, bytes: this.read.bytes + size };
    if (this.read.manifests > MOST_MANIFESTS)
      throw tooLarge(`the archive holds more than ${MOST_MANIFESTS} manifests`);
    if (this.read.bytes > MOST_MANIFEST_BYTES)
      throw tooLarge(`the archive's manifests are above ${MOST_MANIFEST_BYTES} bytes in all`);
  }

  /** By its type; of a type that is unknown here, by what it says of itself (BuildKit's cache lists blobs). */
  private async isManifest({ digest, mediaType }: Descriptor, file: ArchiveFile): Promise<boolean> {
    if (MANIFEST_TYPES.includes(mediaType) || this.manifests.has(digest.toString())) return true;
    if (!mediaType.endsWith('+json') || this.blobs.has(digest.toString())) return false;
    if (!this.contents.isSmall(file)) return false;
    this.count(file);
    try {
      const { declaredType, schemaVersion } = parseManifest(await this.contents.bytesOf(file));
      return declaredType === mediaType && schemaVersion === 2;
    } catch (error) {
      if (error instanceof InvalidValue) return false;
      throw error;
    }
  }

  private async validated(
    file: ArchiveFile,
    mediaType: string,
  ): Promise<{ manifest: Manifest; mediaType: string }> {
    try {
      return validateManifest(await this.contents.bytesOf(file), mediaType);
    } catch (error) {
      if (error instanceof InvalidValue || error instanceof RegistryError)
        throw malformed(`the manifest ${quoted(file.name)} is invalid: ${error.message}`, error);
      throw error;
    }
  }

  private addBlobsOf({ config, layers }: Manifest): void {
    for (const { digest, size } of [...(config ? [config] : []), ...layers]) {
      const file = this.contents.blob(digest);
      if (file === undefined) continue;
      requireSize(file, size);
      this.blobs.set(digest.toString(), { digest, file });
    }
  }
}

/** @throws InvalidArchive unless the file is as long as its descriptor tells */
export function requireSize({ name, size }: ArchiveFile, described: number): void {
  if (size !== described)
    throw malformed(`the file ${quoted(name)} has ${size} bytes, its descriptor tells ${described}`);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).join(', ');
  return names.length > MOST_LISTED ? `${shown}, …` : shown;
}
