import NodeCache from 'node-cache';
import type { Digest } from '../domain/digest.js';
import type { Key } from '../domain/keys.js';
import {
  listedKey,
  repositoryFilesPrefix,
  tagCurrentKey,
  tagIndexKey,
  tagIndexPrefix,
  tagsPrefix,
} from '../domain/keys.js';
import { byCodeUnit, pageOf } from '../domain/page.js';
import type { Page, PageRequest } from '../domain/page.js';
import type { Tag } from '../domain/reference.js';
import type { TagPattern } from '../domain/tag-pattern.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Invalidations } from '../ports/invalidations.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { surely } from '../ports/absence.js';
import { mapBounded } from './bounded.js';
import { readDatedLink, readLink } from './link.js';
import { listAll } from '../ports/listing.js';
import { ImmutableTags, immutableTag } from './immutable-tags.js';
import { RecentChanges } from './recent-changes.js';
import { SharedReads } from './shared-reads.js';

const CONCURRENT_READS = 16;
/** In one request of Swift's; a directory is read again for each page. */
const TAGS_PER_LISTING = 9999;

/**
 * The tags of repositories. What a tag points to is read from the store for each request; where a listing disagrees
 * with what this server changed lately, the tag itself decides.
 */
export class TagStore {
  private readonly reads = new SharedReads<Digest | undefined>();
  private readonly lists: NodeCache;
  private readonly listings = new SharedReads<readonly string[]>();
  private readonly recent: RecentChanges;
  private changes = 0;
  /** Those that are set once, and neither moved nor deleted. */
  private readonly immutable: ImmutableTags;

  constructor(
    private readonly driver: StorageDriver,
    clock: Clock,
    private readonly invalidations: Invalidations,
    /** Milliseconds a list of tags is remembered; 0 lists each time. */
    private readonly maxAge: number,
    immutable: readonly TagPattern[] = [],
  ) {
    this.immutable = new ImmutableTags(driver, immutable);
    this.recent = new RecentChanges(clock);
    this.lists = new NodeCache({ useClones: false, stdTTL: maxAge / 1000, checkperiod: 60 });
    invalidations.subscribe(({ kind, key }) => {
      if (kind !== 'tag-set' && kind !== 'tag-deleted') return;
      const colon = key.indexOf(':');
      this.note(key.slice(0, colon), key.slice(colon + 1), kind);
    });
  }

  /** @throws RegistryError MANIFEST_UNKNOWN */
  async resolve(name: RepositoryName, tag: Tag): Promise<Digest> {
    const digest = await this.reads.get(tagCurrentKey(name, tag), () => this.currentOf(name, tag));
    if (digest === undefined) throw unknownTag(tag);
    return digest;
  }

  /** What the tag points to and since when; undefined where there is none. One request. */
  async describe(name: RepositoryName, tag: Tag): Promise<{ digest: Digest; writtenAt: Date } | undefined> {
    const key = tagCurrentKey(name, tag);
    const read = (): ReturnType<typeof readDatedLink> => readDatedLink(this.driver, key, { fresh: true });
    return surely(read).catch(undefinedIfAbsent);
  }

  isImmutable(name: RepositoryName, tag: Tag): boolean {
    return this.immutable.has(name, tag);
  }

  get someAreImmutable(): boolean {
    return this.immutable.any;
  }

  /** @throws RegistryError DENIED where the tag is immutable and points elsewhere */
  async requireMovable(name: RepositoryName, tag: Tag, to?: Digest): Promise<void> {
    if (!this.immutable.has(name, tag)) return;
    const current = await this.currentOf(name, tag);
    if (current !== undefined && (to === undefined || !current.equals(to))) throw immutableTag(tag);
  }

  /** Before a manifest is deleted with all its tags. @throws RegistryError DENIED where one of them is immutable */
  async requireDeletable(name: RepositoryName, digest: Digest): Promise<void> {
    if (!this.immutable.any) return;
    const pin = await this.immutable.pinOf(name, digest);
    const tags = (await this.tagsToLookAt(name)).filter((tag) => this.immutable.has(name, tag));
    await mapBounded(pin === undefined ? tags : [pin, ...tags], CONCURRENT_READS, async (tag) => {
      if ((await this.currentOf(name, tag))?.equals(digest) === true) throw immutableTag(tag);
    });
  }

  /** Points the tag at a manifest of the repository. @throws RegistryError DENIED, as `requireMovable` */
  async put(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const link = Buffer.from(digest.toString());
    const isImmutable = this.immutable.has(name, tag);
    if (isImmutable) await this.immutable.pin(name, tag, digest);
    try {
      await this.driver.put(tagCurrentKey(name, tag), link, { ifAbsent: isImmutable });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      await this.requireMovable(name, tag, digest);
    }
    await this.driver.put(tagIndexKey(name, tag, digest), link);
    await this.changed(name, tag, 'tag-set');
  }

  /** Removes the tag and its history, not the manifest. @throws RegistryError MANIFEST_UNKNOWN, DENIED */
  async delete(name: RepositoryName, tag: Tag): Promise<void> {
    await this.requireMovable(name, tag);
    const current = await this.currentOf(name, tag);
    if (current !== undefined) await this.remove(name, tag, current);
    else if (!(await this.removeHistory(name, tag))) throw unknownTag(tag);
    await this.changed(name, tag, 'tag-deleted');
  }

  /** Removes every tag that points at the digest, but no immutable one. Answers whether there was any. */
  async deleteAllOf(name: RepositoryName, digest: Digest): Promise<boolean> {
    const tags = (await this.tagsToLookAt(name)).filter((tag) => !this.immutable.has(name, tag));
    const removed = await mapBounded(tags, CONCURRENT_READS, async (tag) => {
      if ((await this.currentOf(name, tag))?.equals(digest) !== true) return false;
      await this.remove(name, tag, digest);
      await this.changed(name, tag, 'tag-deleted');
      return true;
    });
    return removed.includes(true);
  }

  /** @throws RegistryError NAME_UNKNOWN for a repository without any object */
  async page(name: RepositoryName, request: PageRequest): Promise<Page<string>> {
    let tags = this.lists.get<readonly string[]>(listKey(name));
    if (tags === undefined) {
      tags = await this.listShared(name);
      if (tags.length === 0 && !(await this.exists(name))) throw new RegistryError('NAME_UNKNOWN');
    }
    return request.limit === 0 ? { items: [] } : pageOf(tags, request);
  }

  /** Every tag, in order of code units, as the store has them now. */
  async list(name: RepositoryName): Promise<readonly string[]> {
    const listed = await this.listed(name);
    const recent = this.recent.of(name);
    if (recent.length === 0) return listed.sort(byCodeUnit);
    const tags = new Set(listed);
    const doubtful = recent.filter(({ name: tag, present }) => tags.has(tag) !== present);
    await mapBounded(doubtful, CONCURRENT_READS, async ({ name: tag, present }) => {
      const exists = (await this.currentOf(name, tag as Tag)) !== undefined;
      if (exists !== present) this.recent.forget(name, tag);
      else if (exists) tags.add(tag);
      else tags.delete(tag);
    });
    return [...tags].sort(byCodeUnit);
  }

  /** Those that a listing tells, and those set here that it may not tell yet. */
  private async tagsToLookAt(name: RepositoryName): Promise<readonly Tag[]> {
    const tags = new Set((await this.listed(name)) as Tag[]);
    for (const { name: tag, present } of this.recent.of(name)) if (present) tags.add(tag as Tag);
    return [...tags];
  }

  private async listed(name: RepositoryName): Promise<string[]> {
    const prefix = tagsPrefix(name);
    const tags: string[] = [];
    for await (const child of listAll(this.driver, { prefix, delimiter: '/', limit: TAGS_PER_LISTING })) {
      if (child.endsWith('/')) tags.push(child.slice(prefix.length, -1));
    }
    return tags;
  }

  /** What the tag points to; undefined where there is none by now. */
  private async currentOf(name: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const key = tagCurrentKey(name, tag);
    // A tag that is being moved is not one that is gone.
    return surely(() => readLink(this.driver, key, { fresh: true })).catch(undefinedIfAbsent);
  }

  /**
   * `current` goes last: a tag directory without it would be a ghost in distribution's list. A tag that was moved
   * meanwhile stays, and history that a push has just written beside this is removed too.
   */
  private async remove(name: RepositoryName, tag: Tag, current: Digest): Promise<void> {
    await this.removeHistory(name, tag, [tagIndexKey(name, tag, current)]);
    if ((await this.currentOf(name, tag))?.equals(current) !== true) return;
    await this.driver.delete(tagCurrentKey(name, tag));
    if ((await this.currentOf(name, tag)) === undefined) await this.removeHistory(name, tag);
  }

  /** What is known and what a listing finds. Answers whether there was any. */
  private async removeHistory(name: RepositoryName, tag: Tag, known: readonly Key[] = []): Promise<boolean> {
    const keys = new Set(known);
    for await (const key of listAll(this.driver, { prefix: tagIndexPrefix(name, tag) }))
      keys.add(listedKey(key));
    if (keys.size === 0) return false;
    const [failure] = await this.driver.deleteMany([...keys]);
    if (failure !== undefined) throw failure.error;
    return true;
  }

  /**
   * Shared by all who ask meanwhile; remembered unless a tag changed while it ran. That there are none is not
   * remembered: it does not tell whether there is a repository.
   */
  private listShared(name: RepositoryName): Promise<readonly string[]> {
    return this.listings.get(name, async () => {
      const before = this.changes;
      const tags = await this.list(name);
      if (this.maxAge > 0 && tags.length > 0 && this.changes === before) this.lists.set(listKey(name), tags);
      return tags;
    });
  }

  private async exists(name: RepositoryName): Promise<boolean> {
    const { objects } = await this.driver.list({ prefix: repositoryFilesPrefix(name), limit: 1 });
    return objects.length > 0;
  }

  private async changed(name: RepositoryName, tag: Tag, kind: TagChange): Promise<void> {
    this.note(name, tag, kind);
    await this.invalidations.publish({ kind, key: `${name}:${tag}` });
  }

  private note(name: string, tag: string, kind: TagChange): void {
    this.changes += 1;
    this.recent.note(name, tag, { present: kind === 'tag-set' });
    this.lists.del(listKey(name));
  }
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!isStorageError(error, 'NOT_FOUND')) throw error;
}

type TagChange = 'tag-set' | 'tag-deleted';

function unknownTag(tag: Tag): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', undefined, { detail: { tag } });
}

/** node-cache keeps its keys in an object, of which every one has a `constructor`. */
function listKey(name: string): string {
  return `tags:${name}`;
}
