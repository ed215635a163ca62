import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Digest } from '../domain/digest.js';
import type { Manifest } from '../domain/manifest.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { MissingReferences, RegistryError } from '../errors/registry-error.js';
import { checkReferences } from '../registry/manifest-validator.js';
import type { Registry } from '../registry/registry.js';
import { ArchiveContents } from './archive-contents.js';
import { ByteReader } from './byte-reader.js';
import { Decompressed } from './decompressed.js';
import { planDockerSave, tagAsSaved } from './docker-save.js';
import { ImportPlan } from './import-plan.js';
import type { PlannedManifest } from './import-plan.js';
import { malformed } from './invalid-archive.js';
import { MemoryBudget } from './memory-budget.js';
import { LAYOUT_FILE, planOciLayout } from './oci-layout.js';
import { tarEntries } from './tar-reader.js';

export interface ImportLimits {
  /** Of the decompressed archive. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Of each manifest and each configuration that is read. */
  readonly maxManifestBytes: number;
  /** Whether the registry accepts manifests whose references are missing: the registry's own option. */
  readonly references: 'required' | 'sparse';
}

export interface ImportOptions {
  /** Instead of the tags that the archive names; only for an archive of one image. */
  readonly tags?: readonly Tag[];
  /** Ends the import as long as nothing is committed; the reason is thrown. */
  readonly signal?: AbortSignal;
  /** Asked before anything is committed, and again before the tags; what it throws ends the import. */
  readonly beforeCommit?: () => Promise<void>;
}

export interface ImportedImage {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly tags: readonly Tag[];
}

export interface ImportReport {
  /** Those that the archive itself names, not the children of their indexes. */
  readonly images: readonly ImportedImage[];
  /** Of the decompressed archive. */
  readonly bytes: number;
  /** `known` are those that the repository held before. */
  readonly blobs: { readonly added: number; readonly known: number };
}

/** At once; each may have a thread that decompresses. */
const MOST_IMPORTS = 8;
/** Of files, of all imports at once. */
const MEMORY_BYTES = 64 * 1024 * 1024;

/** Takes archives of `docker save` and OCI image layouts into repositories: plain, as gzip or as zstd. */
export class ArchiveImporter {
  private readonly memory = new MemoryBudget(MEMORY_BYTES);
  private running = 0;

  constructor(
    private readonly registry: Pick<Registry, 'blobs' | 'manifests' | 'uploads' | 'tags'>,
    private readonly limits: ImportLimits,
  ) {}

  /**
   * Reads the archive to its end before anything of it can be seen, then adds blobs, manifests and tags, in this order.
   * Of an archive that is refused, cut off or aborted nothing stays. Where the store fails while the images are added,
   * what is there already stays, untagged, to be found by the same import again, or by garbage collection. Importing
   * an archive again changes nothing. The stream is read to its end or destroyed.
   * @throws InvalidArchive; RegistryError UNAVAILABLE for one too many at once, before the stream is read, DENIED for
   * an immutable tag, BLOB_UPLOAD_UNKNOWN for what took days; StorageError; what the stream fails with
   */
  async import(name: RepositoryName, archive: Readable, options: ImportOptions = {}): Promise<ImportReport> {
    this.requireLane(archive);
    this.running += 1;
    try {
      return await this.importOne(name, archive, options);
    } finally {
      this.running -= 1;
    }
  }

  private requireLane(archive: Readable): void {
    if (this.running < MOST_IMPORTS) return;
    archive.destroy();
    const headers = { 'Retry-After': '10' };
    throw new RegistryError('UNAVAILABLE', `${MOST_IMPORTS} imports are under way; try again later`, {
      headers,
    });
  }

  private async importOne(
    name: RepositoryName,
    archive: Readable,
    options: ImportOptions,
  ): Promise<ImportReport> {
    const { signal } = options;
    const abort = (): void => void archive.destroy(asError(signal?.reason));
    signal?.addEventListener('abort', abort);
    const contents = new ArchiveContents(this.registry, name, this.limits.maxManifestBytes, this.memory);
    try {
      signal?.throwIfAborted();
      const bytes = await this.read(archive, contents);
      const plan = await this.planOf(name, contents, options.tags);
      contents.requireYoung();
      await options.beforeCommit?.();
      signal?.throwIfAborted();
      return { ...(await this.commit(name, contents, plan, options)), bytes };
    } finally {
      signal?.removeEventListener('abort', abort);
      archive.destroy();
      await contents.discard();
    }
  }

  private async read(archive: Readable, contents: ArchiveContents): Promise<number> {
    const decompressed = new Decompressed(archive, this.limits.maxBytes);
    const reader = new ByteReader(decompressed.read());
    try {
      for await (const entry of tarEntries(reader, this.limits.maxEntries)) await contents.add(entry);
    } finally {
      await reader.close();
    }
    contents.requireLinksLead();
    return decompressed.bytes;
  }

  private async planOf(
    name: RepositoryName,
    contents: ArchiveContents,
    tags: readonly Tag[] | undefined,
  ): Promise<ImportPlan> {
    const { maxManifestBytes } = this.limits;
    const required = (manifest: Manifest) => this.requireReferences(name, contents, manifest);
    const plan = new ImportPlan(contents, required, tags);
    if (contents.file(LAYOUT_FILE) === undefined) await planDockerSave(contents, plan, maxManifestBytes);
    else {
      await planOciLayout(contents, plan);
      if (tags === undefined) await tagAsSaved(contents, plan, maxManifestBytes);
    }
    if (plan.images.size === 0) throw malformed('the archive names no image');
    plan.tagAsGiven();
    for (const image of plan.images.values()) {
      for (const tag of image.tags) await this.registry.tags.requireMovable(name, tag, image.manifest.digest);
    }
    return plan;
  }

  /** What the registry will ask when the manifest is put, asked before anything is. */
  private async requireReferences(
    name: RepositoryName,
    contents: ArchiveContents,
    manifest: Manifest,
  ): Promise<void> {
    if (this.limits.references === 'sparse') return;
    const { blobs, manifests } = this.registry;
    const inArchive = (digest: Digest): boolean => contents.blob(digest) !== undefined;
    try {
      await checkReferences(name, manifest, {
        blob: async (repository, digest) => inArchive(digest) || blobs.has(repository, digest),
        manifest: async (repository, digest) =>
          inArchive(digest) || manifests.has(repository, digest, { forPush: true }),
      });
    } catch (error) {
      if (!(error instanceof MissingReferences)) throw error;
      const [first] = error.entries;
      const { digest } = first?.detail as { digest: string };
      throw malformed(
        `the archive needs ${digest}, which neither it nor the repository holds; it is one of ${error.entries.length} missing`,
        error,
      );
    }
  }

  private async commit(
    name: RepositoryName,
    contents: ArchiveContents,
    plan: ImportPlan,
    { beforeCommit }: ImportOptions,
  ): Promise<Omit<ImportReport, 'bytes'>> {
    const { blobs, manifests } = this.registry;
    let added = 0;
    for (const { digest, file } of plan.blobs.values()) {
      if (await blobs.has(name, digest)) continue;
      await contents.commit(digest, file);
      added += 1;
    }
    const put = async (planned: PlannedManifest, tags: readonly Tag[]): Promise<void> => {
      const { digest, mediaType } = planned;
      await manifests.put(name, { digest, contentType: mediaType, bytes: await planned.bytes(), tags });
      await nextTurn();
    };
    for (const planned of plan.manifests.values()) await put(planned, []);
    await beforeCommit?.();
    for (const { manifest, tags } of plan.images.values()) if (tags.length > 0) await put(manifest, tags);
    return {
      images: [...plan.images.values()].map(({ manifest: { digest, mediaType }, tags }) => ({
        digest,
        mediaType,
        tags,
      })),
      blobs: { added, known: plan.blobs.size - added },
    };
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the import was aborted', { cause: reason });
}
