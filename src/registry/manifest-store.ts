import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { blobDataKey, revisionLinkKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import { parseManifest, referrerDescriptor } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { DamagedContent, RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { BlobStore } from './blob-store.js';
import type { Catalog } from './catalog.js';
import type { DamagedBlobs, ForPush } from './damaged-blobs.js';
import { surely } from '../ports/absence.js';
import { digestOf } from './digester.js';
import { readLink, writeLink } from './link.js';
import { unknownManifest } from './manifest-bodies.js';
import type { ManifestBodies } from './manifest-bodies.js';
import { ManifestTypes } from './manifest-types.js';
import { checkReferences, deletedMeanwhile, validateManifest } from './manifest-validator.js';
import type { Member, Membership } from './membership.js';
import type { PushedRevisions } from './pushed-revisions.js';
import type { ReferrerIndex } from './referrer-index.js';
import type { TagStore } from './tag-store.js';

export interface StoredManifest {
  /** In the algorithm by which the manifest was pushed. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface ManifestParts {
  readonly driver: StorageDriver;
  readonly membership: Membership;
  readonly bodies: ManifestBodies;
  readonly blobs: BlobStore;
  readonly tags: TagStore;
  readonly referrers: ReferrerIndex;
  readonly catalog: Catalog;
  readonly damaged: DamagedBlobs;
  readonly pushed: PushedRevisions;
}

export interface ManifestPut {
  /** The digest that the client names, or undefined when it names only tags. */
  readonly digest?: Digest;
  readonly tags: readonly Tag[];
  readonly contentType?: string;
  readonly bytes: Buffer;
  /** What it refers to comes later, or never. */
  readonly sparse?: boolean;
}

export interface ManifestGet extends ForPush {
  /** The caller has just read a tag of the repository that points to the digest. */
  readonly isTagged?: boolean;
}

/** The manifests that repositories hold by a revision link. */
export class ManifestStore {
  private readonly types: ManifestTypes;

  constructor(
    private readonly parts: ManifestParts,
    /** 'sparse' accepts manifests whose references are missing. */
    private readonly references: 'required' | 'sparse',
  ) {
    this.types = new ManifestTypes(parts.driver);
  }

  /**
   * For those who may push it again a damaged manifest is one that is not there.
   * @throws RegistryError MANIFEST_UNKNOWN; DamagedContent
   */
  async get(name: RepositoryName, reference: Reference, options: ManifestGet = {}): Promise<StoredManifest> {
    const { membership, bodies, damaged } = this.parts;
    const isTag = reference.kind === 'tag' || options.isTagged === true;
    const digest =
      reference.kind === 'tag' ? await this.parts.tags.resolve(name, reference.tag) : reference.digest;
    try {
      const member = membership.get(name, digest) ?? (await this.find(name, digest, isTag));
      if (options.forPush === true && (await damaged.has(member.stored))) throw unknownManifest(digest);
      return { digest, mediaType: member.mediaType ?? '', bytes: await bodies.get(member.stored) };
    } catch (error) {
      if (options.forPush === true && error instanceof DamagedContent) throw unknownManifest(digest);
      throw error;
    }
  }

  /** Whether the repository holds the manifest; its bytes are not read. */
  async has(name: RepositoryName, digest: Digest, options: ForPush = {}): Promise<boolean> {
    try {
      const stored = this.parts.membership.get(name, digest)?.stored ?? (await this.statStored(name, digest));
      return options.forPush !== true || !(await this.parts.damaged.has(stored));
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  /**
   * Checks everything, then stores bytes, revision link, referrer, tags in this order, so that no pointer ever
   * leads nowhere. Answers the manifest's digest and its subject's, if it has one.
   * @throws RegistryError MANIFEST_INVALID, DIGEST_INVALID; DENIED for an immutable tag; MissingReferences; UNAVAILABLE
   * where a reference was deleted meanwhile
   */
  async put(name: RepositoryName, put: ManifestPut): Promise<{ digest: Digest; subject?: Digest }> {
    const { bytes } = put;
    const stored = digestOf(bytes);
    const digest = put.digest ?? stored;
    const actual = digest.algorithm === 'sha256' ? stored : digestOf(bytes, digest.algorithm);
    if (!actual.equals(digest)) throw new RegistryError('DIGEST_INVALID');
    const { manifest, mediaType } = validateManifest(bytes, put.contentType);
    const { driver, membership, blobs, referrers, tags, catalog, pushed } = this.parts;
    const since = membership.now();
    const blobsSince = blobs.deletions;
    await this.requireReferences(name, manifest, put.sparse);
    for (const tag of put.tags) await tags.requireMovable(name, tag, digest);
    await this.requireSameType(name, digest, manifest, { bytes, mediaType });
    await this.parts.bodies.put(stored, bytes);
    const subject = manifest.subject?.digest;
    const link = async (): Promise<void> => {
      await this.types.put(name, digest, manifest, mediaType);
      const writing = writeLink(driver, revisionLinkKey(name, digest), stored);
      const [isNew] = await Promise.all([writing, catalog.mark(name)]);
      await pushed.note(name, digest, { isTagged: put.tags.length > 0 });
      if (!isNew) await this.types.settle(name, digest, manifest, mediaType);
      if (subject === undefined) return;
      await referrers.put(name, subject, referrerDescriptor(manifest, mediaType, digest, bytes.byteLength));
    };
    await link();
    membership.set(name, digest, { stored, size: bytes.byteLength, mediaType }, since);
    for (const tag of put.tags) await tags.put(name, tag, digest);
    // A deletion that ran beside this put may have taken what was there: what is answered 201 stays.
    if (since !== membership.now()) await link();
    await catalog.mark(name);
    if (since !== membership.now() || blobsSince !== blobs.deletions)
      await this.requireReferences(name, manifest, put.sparse).catch(deletedMeanwhile);
    return subject === undefined ? { digest } : { digest, subject };
  }

  /** Removes the manifest and every tag that points to it. @throws RegistryError MANIFEST_UNKNOWN, DENIED */
  async delete(name: RepositoryName, digest: Digest): Promise<void> {
    const { driver, membership, referrers, tags, pushed } = this.parts;
    const key = revisionLinkKey(name, digest);
    const { stored, subject } = await this.deletable(key);
    await tags.requireDeletable(name, digest);
    await tags.deleteAllOf(name, digest);
    if (subject !== undefined) await referrers.delete(name, subject, digest);
    do {
      pushed.forget(name, digest);
      await driver.delete(key);
      await membership.forget(name, digest);
      // A push beside this deletion may have set more tags: it stays whole or goes whole.
    } while (!(await this.has(name, digest)) && (await tags.deleteAllOf(name, digest)));
    await this.restoreUnlessDeletable(name, digest, stored);
    await this.types.delete(name, digest);
  }

  /** Removes what is kept beside a manifest that the repository does not hold; a push beside this writes it again. */
  async deleteExtra(name: RepositoryName, digest: Digest, key: Key): Promise<void> {
    const { driver, membership } = this.parts;
    if (await this.has(name, digest)) return;
    const bytes = await driver.read(key, { fresh: true });
    await driver.delete(key);
    await membership.forget(name, digest);
    if (await this.has(name, digest)) await driver.put(key, bytes);
  }

  /** @throws MissingReferences */
  private async requireReferences(name: RepositoryName, manifest: Manifest, sparse = false): Promise<void> {
    if (sparse || this.references === 'sparse') return;
    await checkReferences(name, manifest, {
      blob: (repository, reference) => this.parts.blobs.has(repository, reference),
      manifest: (repository, reference) => this.has(repository, reference, { forPush: true }),
    });
  }

  /** An immutable tag that a push has set meanwhile keeps its manifest. @throws RegistryError DENIED */
  private async restoreUnlessDeletable(name: RepositoryName, digest: Digest, stored: Digest): Promise<void> {
    try {
      await this.parts.tags.requireDeletable(name, digest);
    } catch (error) {
      await writeLink(this.parts.driver, revisionLinkKey(name, digest), stored);
      throw error;
    }
  }

  /**
   * A body that does not tell its type has that of its last push: no other under an immutable tag.
   * @throws RegistryError DENIED
   */
  private async requireSameType(
    name: RepositoryName,
    digest: Digest,
    { declaredType }: Manifest,
    { bytes, mediaType }: { readonly bytes: Buffer; readonly mediaType: string },
  ): Promise<void> {
    if (declaredType !== undefined || !this.parts.tags.someAreImmutable) return;
    if (!(await this.has(name, digest))) return;
    if ((await this.types.of(name, digest, bytes)) === mediaType) return;
    await this.parts.tags.requireDeletable(name, digest);
  }

  /** What a revision link leads to, and the subject of that; a body that is gone has none. */
  private async deletable(key: Key): Promise<{ stored: Digest; subject: Digest | undefined }> {
    try {
      const stored = await readLink(this.parts.driver, key, { fresh: true });
      return { stored, subject: await this.subjectOf(stored) };
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('MANIFEST_UNKNOWN');
      throw error;
    }
  }

  private async subjectOf(stored: Digest): Promise<Digest | undefined> {
    try {
      return parseManifest(await this.parts.bodies.get(stored)).subject?.digest;
    } catch (error) {
      // Gone or damaged: it can still be deleted.
      if (error instanceof RegistryError || error instanceof InvalidValue) return undefined;
      throw error;
    }
  }

  /** A tag of the repository that was read just now is a link to the manifest as well as its revision link. */
  private find(name: RepositoryName, digest: Digest, isTagged: boolean): Promise<Member> {
    return this.parts.membership.find(name, digest, async () => {
      const stored = isTagged && digest.algorithm === 'sha256' ? digest : await this.linked(name, digest);
      const bytes = await this.parts.bodies.get(stored);
      return { stored, size: bytes.byteLength, mediaType: await this.types.of(name, digest, bytes) };
    });
  }

  private async linked(name: RepositoryName, digest: Digest): Promise<Digest> {
    try {
      return await this.readLink(name, digest);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownManifest(digest);
      throw error;
    }
  }

  /** @throws StorageError NOT_FOUND */
  private async statStored(name: RepositoryName, digest: Digest): Promise<Digest> {
    const stored = await this.readLink(name, digest);
    await surely((options) => this.parts.driver.stat(blobDataKey(stored), options));
    return stored;
  }

  private readLink(name: RepositoryName, digest: Digest): Promise<Digest> {
    const key = revisionLinkKey(name, digest);
    return surely((options) => readLink(this.parts.driver, key, options));
  }
}
