import { LRUCache } from 'lru-cache';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest } from '../domain/digest.js';
import { blobDataKey, layerLinkKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { Catalog } from './catalog.js';
import { readLink, writeLink } from './link.js';
import type { Member, Membership } from './membership.js';

const REMEMBERED_HOLDERS = 10_000;

/** The blobs that repositories hold by a layer link; the link is the permission. */
export class BlobStore {
  private readonly holders = new LRUCache<string, RepositoryName>({ max: REMEMBERED_HOLDERS });

  constructor(
    private readonly driver: StorageDriver,
    private readonly membership: Membership,
    private readonly catalog: Catalog,
  ) {}

  /** @throws RegistryError BLOB_UNKNOWN unless the repository holds the blob */
  async stat(name: RepositoryName, digest: Digest): Promise<Member> {
    return this.membership.get(name, digest) ?? this.find(name, digest);
  }

  /** Whether the repository holds the blob. */
  async has(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await this.statIfHeld(name, digest)) !== undefined;
  }

  /**
   * Reads a blob that `stat` answered. A chunk is the reader's only until it takes the next one.
   * @throws RegistryError BLOB_UNKNOWN
   */
  async open(name: RepositoryName, digest: Digest, member: Member, range?: ByteRange): Promise<Readable> {
    try {
      const { stat, body } = await this.driver.get(blobDataKey(member.stored), {
        borrow: true,
        ...(range && { range }),
      });
      if (stat.size === member.size) return body;
      body.destroy();
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('BLOB_UNKNOWN');
      throw error;
    }
    await this.membership.forget(name, digest);
    throw new StorageError('UNAVAILABLE', `the blob ${digest.toString()} is no longer of the size it had`);
  }

  /**
   * Makes stored bytes part of a repository, under their sha256 and under `digest` if that is of another
   * algorithm (distribution links both).
   */
  async link(name: RepositoryName, digest: Digest, member: Member): Promise<void> {
    const since = this.membership.now();
    const names = digest.equals(member.stored) ? [digest] : [member.stored, digest];
    await Promise.all([
      ...names.map((each) => writeLink(this.driver, layerLinkKey(name, each), member.stored)),
      this.catalog.mark(name),
    ]);
    for (const each of names) this.membership.set(name, each, member, since);
    this.holders.set(digest.toString(), name);
  }

  /** Answers whether `from` holds the blob, which then is in `name` too. */
  async mount(name: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const member = await this.statIfHeld(from, digest);
    if (member === undefined) return false;
    await this.link(name, digest, member);
    return true;
  }

  /** Mounts from whichever repository is known here to hold the blob and may be read by the caller. */
  async mountFromAny(
    name: RepositoryName,
    digest: Digest,
    mayPull: (name: RepositoryName) => boolean,
  ): Promise<boolean> {
    const holder = this.holders.get(digest.toString());
    return holder !== undefined && mayPull(holder) && (await this.mount(name, digest, holder));
  }

  /** Removes the link; the bytes are garbage collection's. @throws RegistryError BLOB_UNKNOWN */
  async delete(name: RepositoryName, digest: Digest): Promise<void> {
    try {
      await this.driver.stat(layerLinkKey(name, digest), { fresh: true });
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('BLOB_UNKNOWN');
      throw error;
    }
    await this.driver.delete(layerLinkKey(name, digest));
    await this.membership.forget(name, digest);
  }

  private async statIfHeld(name: RepositoryName, digest: Digest): Promise<Member | undefined> {
    try {
      return await this.stat(name, digest);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'BLOB_UNKNOWN') return undefined;
      throw error;
    }
  }

  private find(name: RepositoryName, digest: Digest): Promise<Member> {
    return this.membership.find(name, digest, async () => {
      try {
        const stored = await readLink(this.driver, layerLinkKey(name, digest));
        const { size } = await this.driver.stat(blobDataKey(stored));
        this.holders.set(digest.toString(), name);
        return { stored, size };
      } catch (error) {
        if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('BLOB_UNKNOWN');
        throw error;
      }
    });
  }
}
