import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import type { Tag } from '../domain/reference.js';
import { RegistryError } from '../errors/registry-error.js';
import { validateManifest } from '../registry/manifest-validator.js';
import type { ArchiveContents, ArchiveFile } from './archive-contents.js';
import { malformed, quoted } from './invalid-archive.js';

const DEEPEST = 8;
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

  constructor(
    private readonly contents: ArchiveContents,
    private readonly requireReferences: (manifest: Manifest) => Promise<void>,
  ) {}

  /** One image may be named more than once. @throws InvalidArchive where a tag would be of two images */
  addImage(manifest: PlannedManifest, tags: readonly Tag[]): void {
    const key = manifest.digest.toString();
    const image = this.images.get(key) ?? { manifest, tags: [] };
    this.images.set(key, image);
    for (const tag of tags) {
      const other = this.tagged.get(tag);
      if (other === key) continue;
      if (other !== undefined) throw malformed(`the archive gives the tag ${tag} to ${other} and to ${key}`);
      this.tagged.set(tag, key);
      image.tags.push(tag);
    }
  }

  /** Makes these, instead of what the archive says, the tags of its one image. @throws InvalidArchive for several */
  retag(tags: readonly Tag[]): void {
    const [image, ...others] = this.images.values();
    if (image === undefined || others.length > 0) {
      const there = [...this.images.values()].map(
        ({ manifest, tags: named }) => named[0] ?? manifest.digest.toString(),
      );
      throw malformed(
        `tags can be given to an archive of one image; this one holds ${there.length}: ${listed(there)}`,
      );
    }
    image.tags.splice(0, image.tags.length, ...new Set(tags));
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
    const { manifest, mediaType: own } = await this.validated(file, mediaType);
    await this.requireReferences(manifest);
    for (const child of manifest.manifests) {
      const held = this.contents.blob(child.digest);
      if (held === undefined) continue;
      requireSize(held, child.size);
      if (MANIFEST_TYPES.includes(child.mediaType))
        await this.addManifest(child.digest, held, child.mediaType, depth + 1);
      else this.blobs.set(child.digest.toString(), { digest: child.digest, file: held });
    }
    this.addBlobsOf(manifest);
    const planned = { digest, mediaType: own, bytes: () => this.contents.bytesOf(file) };
    this.manifests.set(digest.toString(), planned);
    return planned;
  }

  /** Adds a manifest that the archive itself does not have, of files that it has. */
  addMade(digest: Digest, mediaType: string, bytes: Buffer, files: readonly ArchiveFile[]): PlannedManifest {
    for (const file of files)
      this.blobs.set(file.digests.sha256.toString(), { digest: file.digests.sha256, file });
    const planned = { digest, mediaType, bytes: async () => bytes };
    this.manifests.set(digest.toString(), planned);
    return planned;
  }

  /** The configurations of a planned manifest, or of an index's children that are planned; each once. */
  async configsOf(image: PlannedManifest): Promise<readonly string[]> {
    const configs = new Set<string>();
    // Visits what is added to it meanwhile, too.
    const found = new Set([image]);
    for (const planned of found) {
      const { config, manifests } = parseManifest(await planned.bytes());
      if (config !== undefined) configs.add(config.digest.toString());
      for (const { digest } of manifests) {
        const child = this.manifests.get(digest.toString());
        if (child !== undefined) found.add(child);
      }
    }
    return [...configs];
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
    for (const { digest } of [...(config ? [config] : []), ...layers]) {
      const file = this.contents.blob(digest);
      if (file !== undefined) this.blobs.set(digest.toString(), { digest, file });
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
