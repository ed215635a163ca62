import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import { isNonDistributable } from '../domain/media-type.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Member } from '../registry/membership.js';
import { mapBounded } from '../registry/bounded.js';
import type { Registry } from '../registry/registry.js';

const CONCURRENT_READS = 16;
/** Manifests and blobs of one archive. */
const MOST_CONTENTS = 100_000;

/** A manifest or a blob that goes into an archive. */
export interface ExportedContent {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Of a blob; a manifest is read again by its digest. */
  readonly member?: Member;
}

/** Everything that some manifests of a repository lead to, each digest once. Holds no bytes of it. */
export class ExportContents {
  private readonly held = new Map<string, ExportedContent>();

  constructor(
    private readonly registry: Pick<Registry, 'blobs' | 'manifests'>,
    private readonly name: RepositoryName,
  ) {}

  /** In the order in which they were found. */
  get all(): readonly ExportedContent[] {
    return [...this.held.values()];
  }

  has(digest: Digest): boolean {
    return this.held.has(digest.toString());
  }

  /**
   * Adds a manifest and what it leads to. Children that the repository does not hold are left out, and so is what is
   * not held because it is fetched from elsewhere.
   * @throws RegistryError BLOB_UNKNOWN for any other blob that is missing; DENIED for more than an archive takes
   */
  async add(root: StoredManifest): Promise<void> {
    const waiting: Descriptor[] = await this.addManifest(root);
    for (let child = waiting.pop(); child !== undefined; child = waiting.pop()) {
      if (this.has(child.digest)) continue;
      const manifest = await this.manifest(child.digest);
      if (manifest !== undefined) waiting.push(...(await this.addManifest(manifest)));
      // BuildKit's cache lists blobs in an index.
      else this.includeBlob(child.digest, await this.memberOf(child, true));
    }
  }

  /** Undefined where the repository does not hold it. */
  async manifest(digest: Digest): Promise<StoredManifest | undefined> {
    try {
      return await this.registry.manifests.get(this.name, { kind: 'digest', digest });
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'MANIFEST_UNKNOWN') return undefined;
      throw error;
    }
  }

  /** Answers the children, the last one first. */
  private async addManifest({ digest, bytes }: StoredManifest): Promise<Descriptor[]> {
    if (this.has(digest)) return [];
    this.include({ digest, size: bytes.byteLength });
    const manifest = parseManifest(bytes);
    const blobs = blobsOf(manifest).filter((blob) => !this.has(blob.digest));
    const members = await mapBounded(blobs, CONCURRENT_READS, (blob) =>
      this.memberOf(blob, isElsewhere(blob)),
    );
    // One after the other: the same images give the same archive.
    for (const [index, { digest }] of blobs.entries()) this.includeBlob(digest, members[index]);
    return [...manifest.manifests].reverse();
  }

  private includeBlob(digest: Digest, member: Member | undefined): void {
    if (member !== undefined) this.include({ digest, size: member.size, member });
  }

  private async memberOf({ digest }: Descriptor, mayBeAbsent: boolean): Promise<Member | undefined> {
    try {
      return await this.registry.blobs.stat(this.name, digest);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'BLOB_UNKNOWN') throw error;
      if (mayBeAbsent) return undefined;
      throw new RegistryError('BLOB_UNKNOWN', undefined, {
        detail: { digest: digest.toString() },
        cause: error,
      });
    }
  }

  private include(content: ExportedContent): void {
    if (this.held.size >= MOST_CONTENTS)
      throw new RegistryError('DENIED', `an archive holds at most ${MOST_CONTENTS} manifests and blobs`);
    this.held.set(content.digest.toString(), content);
  }
}

function blobsOf({ config, layers }: Manifest): readonly Descriptor[] {
  return [...(config ? [config] : []), ...layers];
}

function isElsewhere({ urls, mediaType }: Descriptor): boolean {
  return (urls?.length ?? 0) > 0 || isNonDistributable(mediaType);
}
