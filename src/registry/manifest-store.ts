import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { blobDataKey, mediaTypeKey, revisionLinkKey } from '../domain/keys.js';
import { parseManifest, referrerDescriptor } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { BlobStore } from './blob-store.js';
import type { Catalog } from './catalog.js';
import { digestOf } from './digester.js';
import { readLink, writeLink } from './link.js';
import { checkReferences, validateManifest } from './manifest-validator.js';
import type { Member, Membership } from './membership.js';
import type { ReferrerIndex } from './referrer-index.js';
import type { TagStore } from './tag-store.js';

export interface StoredManifest {
  /** In the algorithm by which the manifest was pushed. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface ManifestStoreOptions {
  /** 'sparse' accepts manifests whose references are missing. */
  readonly references: 'required' | 'sparse';
  /** Bytes of manifests held in memory. */
  readonly cacheBytes: number;
}

export interface ManifestPut {
  /** The digest that the client names, or undefined when it names only tags. */
  readonly digest?: Digest;
  readonly tags: readonly Tag[];
  readonly contentType?: string;
  readonly bytes: Buffer;
}

/** The manifests that repositories hold by a revision link. */
export class ManifestStore {
  private readonly bodies: LRUCache<string, Buffer>;

  constructor(
    private readonly driver: StorageDriver,
    private readonly membership: Membership,
    private readonly blobs: BlobStore,
    private readonly tags: TagStore,
    private readonly referrers: ReferrerIndex,
    private readonly catalog: Catalog,
    private readonly options: ManifestStoreOptions,
  ) {
    this.bodies = new LRUCache({
      maxSize: Math.max(1, options.cacheBytes),
      sizeCalculation: (bytes) => bytes.byteLength + 200,
    });
  }

  /** @throws RegistryError MANIFEST_UNKNOWN */
  async get(name: RepositoryName, reference: Reference): Promise<StoredManifest> {
    const digest = reference.kind === 'tag' ? await this.tags.resolve(name, reference.tag) : reference.digest;
    const member = this.membership.get(name, digest) ?? (await this.find(name, digest));
    const bytes = this.bodies.get(member.stored.hex) ?? (await this.readBody(member.stored));
    return { digest, mediaType: member.mediaType ?? '', bytes };
  }

  /** Whether the repository holds the manifest; its bytes are not read. */
  async has(name: RepositoryName, digest: Digest): Promise<boolean> {
    if (this.membership.get(name, digest) !== undefined) return true;
    try {
      await this.driver.stat(blobDataKey(await readLink(this.driver, revisionLinkKey(name, digest))));
      return true;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  /**
   * Checks everything, then stores bytes, revision link, referrer, tags in this order, so that no pointer ever
   * leads nowhere. Answers the manifest's digest and its subject's, if it has one.
   * @throws RegistryError MANIFEST_INVALID, DIGEST_INVALID; MissingReferences
   */
  async put(name: RepositoryName, put: ManifestPut): Promise<{ digest: Digest; subject?: Digest }> {
    const { bytes } = put;
    const stored = digestOf(bytes);
    const digest = put.digest ?? stored;
    const actual = digest.algorithm === 'sha256' ? stored : digestOf(bytes, digest.algorithm);
    if (!actual.equals(digest)) throw new RegistryError('DIGEST_INVALID');
    const { manifest, mediaType } = validateManifest(bytes, put.contentType);
    if (this.options.references === 'required') {
      await checkReferences(name, manifest, {
        blob: (repository, reference) => this.blobs.has(repository, reference),
        manifest: (repository, reference) => this.has(repository, reference),
      });
    }
    const since = this.membership.now();
    await this.putBody(stored, bytes);
    await this.putMediaType(name, digest, manifest, mediaType);
    const [isNew] = await Promise.all([
      writeLink(this.driver, revisionLinkKey(name, digest), stored),
      this.catalog.mark(name),
    ]);
    // It may have been pushed with another type before.
    if (!isNew && isTypeInferred(manifest, mediaType)) await this.driver.delete(mediaTypeKey(name, digest));
    this.bodies.set(stored.hex, bytes);
    this.membership.set(name, digest, { stored, size: bytes.byteLength, mediaType }, since);
    const subject = manifest.subject?.digest;
    if (subject !== undefined) {
      await this.referrers.put(
        name,
        subject,
        referrerDescriptor(manifest, mediaType, digest, bytes.byteLength),
      );
    }
    for (const tag of put.tags) await this.tags.put(name, tag, digest);
    // A deletion that ran beside this put may have taken the link that was there: what is answered 201 stays.
    if (since !== this.membership.now()) await writeLink(this.driver, revisionLinkKey(name, digest), stored);
    return subject === undefined ? { digest } : { digest, subject };
  }

  /** Removes the manifest and every tag that points to it. @throws RegistryError MANIFEST_UNKNOWN */
  async delete(name: RepositoryName, digest: Digest): Promise<void> {
    const key = revisionLinkKey(name, digest);
    const subject = await this.subjectOf(key);
    await this.tags.deleteAllOf(name, digest);
    if (subject !== undefined) await this.referrers.delete(name, subject, digest);
    await this.driver.delete(key);
    await this.driver.delete(mediaTypeKey(name, digest));
    await this.membership.forget(name, digest);
    // Those that a push beside this deletion has just set.
    if (!(await this.has(name, digest))) await this.tags.deleteAllOf(name, digest);
  }

  /** The subject of a manifest that the repository holds; a body that is gone has none. */
  private async subjectOf(key: ReturnType<typeof revisionLinkKey>): Promise<Digest | undefined> {
    let stored: Digest;
    try {
      stored = await readLink(this.driver, key, { fresh: true });
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('MANIFEST_UNKNOWN');
      throw error;
    }
    try {
      return parseManifest(await this.readBody(stored)).subject?.digest;
    } catch (error) {
      // Gone or damaged: it can still be deleted.
      if (error instanceof RegistryError || error instanceof InvalidValue) return undefined;
      throw error;
    }
  }

  private find(name: RepositoryName, digest: Digest): Promise<Member> {
    return this.membership.find(name, digest, async () => {
      let stored: Digest;
      try {
        stored = await readLink(this.driver, revisionLinkKey(name, digest));
      } catch (error) {
        if (isStorageError(error, 'NOT_FOUND')) throw unknown(digest);
        throw error;
      }
      const bytes = this.bodies.get(stored.hex) ?? (await this.readBody(stored));
      return { stored, size: bytes.byteLength, mediaType: await this.mediaTypeOf(name, digest, bytes) };
    });
  }

  private async readBody(stored: Digest): Promise<Buffer> {
    let bytes: Buffer;
    try {
      bytes = await this.driver.read(blobDataKey(stored));
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknown(stored);
      throw error;
    }
    if (!digestOf(bytes).equals(stored)) {
      throw new RegistryError(
        'UNKNOWN',
        `the stored bytes of manifest ${stored.toString()} do not match its digest`,
      );
    }
    this.bodies.set(stored.hex, bytes);
    return bytes;
  }

  /** A type that the body does not tell is kept beside, unless it is what such a body is taken for. */
  private async putMediaType(
    name: RepositoryName,
    digest: Digest,
    manifest: Manifest,
    mediaType: string,
  ): Promise<void> {
    if (manifest.declaredType !== undefined || isTypeInferred(manifest, mediaType)) return;
    await this.driver.put(mediaTypeKey(name, digest), Buffer.from(mediaType));
  }

  private async mediaTypeOf(name: RepositoryName, digest: Digest, bytes: Buffer): Promise<string> {
    const manifest = parseManifest(bytes);
    if (manifest.declaredType !== undefined) return manifest.declaredType;
    try {
      return (await this.driver.read(mediaTypeKey(name, digest))).toString();
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return manifest.inferredType;
      throw error;
    }
  }

  /** Bytes that are there already stay, unless they are not these. */
  private async putBody(stored: Digest, bytes: Buffer): Promise<void> {
    const key = blobDataKey(stored);
    if (await this.putAbsent(key, bytes)) return;
    if (this.bodies.has(stored.hex)) return;
    const held = await this.driver.read(key, { fresh: true });
    if (!held.equals(bytes)) await this.driver.put(key, bytes);
  }

  /** Answers whether the object was not there before. */
  private async putAbsent(key: Parameters<StorageDriver['put']>[0], bytes: Uint8Array): Promise<boolean> {
    try {
      await this.driver.put(key, bytes, { ifAbsent: true });
      return true;
    } catch (error) {
      if (isStorageError(error, 'EXISTS')) return false;
      throw error;
    }
  }
}

function unknown(digest: Digest): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', undefined, { detail: { digest: digest.toString() } });
}

/** Whether the type is the one that such a body is taken for. */
function isTypeInferred({ declaredType, inferredType }: Manifest, mediaType: string): boolean {
  return declaredType === undefined && mediaType === inferredType;
}
