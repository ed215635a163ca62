import { LRUCache } from 'lru-cache';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest } from '../domain/digest.js';
import { blobDataKey, layerLinkKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { ReadOptions, StorageDriver } from '../ports/storage-driver.js';
import { surely } from '../ports/absence.js';
import type { BlobExaminations } from './blob-examinations.js';
import type { Catalog } from './catalog.js';
import type { DamagedBlobs, ForPush } from './damaged-blobs.js';
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
    private readonly damaged: DamagedBlobs,
    private readonly examinations: BlobExaminations,
  ) {}

  /**
   * For those who are about to push the blob a wrong "no" costs little, and "no" is what most of them hear: theirs is
   * not confirmed by a second read. @throws RegistryError BLOB_UNKNOWN unless the repository holds the blob
   */
  async stat(name: RepositoryName, digest: Digest, options: ForPush = {}): Promise<Member> {
    const read = options.forPush === true ? plainly : surely;
    const member = this.membership.get(name, digest) ?? (await this.find(name, digest, read));
    if (options.forPush === true && (await this.damaged.has(member.stored)))
      throw new RegistryError('BLOB_UNKNOWN');
    return member;
  }

  /** Grows with each link that is deleted, by whichever worker of this server. */
  get deletions(): number {
    return this.membership.now();
  }

  /** Whether the repository holds the blob, undamaged as far as is known. */
  async has(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await this.statIfHeld(name, digest, surely)) !== undefined;
  }

  /**
   * Reads a blob that `stat` answered. A chunk is the reader's only until it takes the next one.
   * @throws RegistryError BLOB_UNKNOWN; DamagedContent
   */
  async open(name: RepositoryName, digest: Digest, member: Member, range?: ByteRange): Promise<Readable> {
    const { stat, body } = await this.read(member.stored, range);
    if (stat.size === member.size) return body;
    body.destroy();
    await this.membership.forget(name, digest);
    throw new StorageError('UNAVAILABLE', `the blob ${digest.toString()} is no longer of the size it had`);
  }

  /**
   * Reads a whole blob without asking for its size before.
   * @throws RegistryError BLOB_UNKNOWN; DamagedContent
   */
  async openWhole(name: RepositoryName, digest: Digest): Promise<{ member: Member; body: Readable }> {
    const known = this.membership.get(name, digest);
    if (known !== undefined) return { member: known, body: await this.open(name, digest, known) };
    const since = this.membership.now();
    const stored = await this.readLink(name, digest, surely);
    const { stat, body } = await this.read(stored);
    const member = { stored, size: stat.size };
    this.membership.set(name, digest, member, since);
    this.holders.set(digest.toString(), name);
    return { member, body };
  }

  /**
   * A URL that lets its holder read the blob until `expiresAt`, where the store offers that.
   * @throws RegistryError BLOB_UNKNOWN
   */
  async signedUrl(name: RepositoryName, digest: Digest, expiresAt: Date): Promise<URL | undefined> {
    const { stored } = await this.stat(name, digest);
    return this.driver.signedUrl(blobDataKey(stored), { method: 'GET', expiresAt });
  }

  /**
   * Makes bytes part of a repository, under their sha256 and under `digest` if that is of another algorithm
   * (distribution links both). They may be on their way yet: a link to bytes that are not there holds nothing.
   * @throws what `placing` failed with
   */
  async link(
    name: RepositoryName,
    digest: Digest,
    member: Member,
    placing: Promise<void> = Promise.resolve(),
  ): Promise<void> {
    const since = this.membership.now();
    const names = digest.equals(member.stored) ? [digest] : [member.stored, digest];
    await allDone([
      placing,
      ...names.map((each) => writeLink(this.driver, layerLinkKey(name, each), member.stored)),
      this.catalog.mark(name),
    ]);
    for (const each of names) this.membership.set(name, each, member, since);
    this.holders.set(digest.toString(), name);
  }

  /** Answers whether `from` holds the blob, which then is in `name` too. */
  async mount(name: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    const member = await this.statIfHeld(from, digest, plainly);
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
    await this.driver.stat(layerLinkKey(name, digest), { fresh: true }).catch(blobUnknown);
    await this.driver.delete(layerLinkKey(name, digest));
    await this.membership.forget(name, digest);
  }

  private async statIfHeld(name: RepositoryName, digest: Digest, read: Read): Promise<Member | undefined> {
    try {
      const member = this.membership.get(name, digest) ?? (await this.find(name, digest, read));
      return (await this.damaged.has(member.stored)) ? undefined : member;
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'BLOB_UNKNOWN') return undefined;
      throw error;
    }
  }

  private find(name: RepositoryName, digest: Digest, read: Read): Promise<Member> {
    return this.membership.find(name, digest, async () => {
      const stored = await this.readLink(name, digest, read);
      const stat = (options: ReadOptions) => this.driver.stat(blobDataKey(stored), options);
      const { size } = await read(stat).catch(blobUnknown);
      this.holders.set(digest.toString(), name);
      return { stored, size };
    });
  }

  private async readLink(name: RepositoryName, digest: Digest, read: Read): Promise<Digest> {
    const key = layerLinkKey(name, digest);
    return read((options) => readLink(this.driver, key, options)).catch(blobUnknown);
  }

  /** Has a blob examined that cannot be read to its end. */
  private async read(stored: Digest, range?: ByteRange): ReturnType<StorageDriver['get']> {
    try {
      const opened = await surely((options) =>
        this.driver.get(blobDataKey(stored), { ...options, borrow: true, ...(range && { range }) }),
      );
      opened.body.once('error', (error) => this.examinations.suspect(stored, error));
      return opened;
    } catch (error) {
      if (isStorageError(error, 'MISMATCH')) throw await this.examinations.refusalOf(stored, error);
      return blobUnknown(error);
    }
  }
}

/** Waits for all, whatever comes of them. @throws what the first in the list that failed did */
async function allDone(all: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** How what may be absent is read. */
type Read = typeof surely;

const plainly: Read = (read) => read({});

/** @throws RegistryError BLOB_UNKNOWN for NOT_FOUND, else the error itself */
function blobUnknown(error: unknown): never {
  if (isStorageError(error, 'NOT_FOUND')) throw new RegistryError('BLOB_UNKNOWN');
  throw error;
}
