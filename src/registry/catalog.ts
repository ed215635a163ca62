import { LRUCache } from 'lru-cache';
import { CATALOG_PREFIX, REPOSITORIES_PREFIX, catalogMarkerKey, unflatName } from '../domain/keys.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { byCodeUnit, pageOf } from '../domain/page.js';
import type { Page, PageRequest } from '../domain/page.js';
import { parseRepositoryName } from '../domain/repository-name.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Invalidations } from '../ports/invalidations.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { listAll } from '../ports/listing.js';
import { mapBounded } from './bounded.js';
import { RecentChanges } from './recent-changes.js';
import { SharedReads } from './shared-reads.js';

const REMEMBERED_MARKERS = 50_000;
/** After which a push looks for the marker again: another node may have removed the repository. */
const MARKED_MILLISECONDS = 60_000;
const CONCURRENT_READS = 16;
/** What a name can hold. */
const NAME_PART = /^[a-z0-9._/-]*$/;
/** Names in one listing, once it is seen that many are hidden. */
const LEAST_LISTED = 5000;
/** The one group of names. */
const ALL = '';

/** Of those names alone that begin with `prefix`. */
export interface CatalogRequest extends PageRequest {
  readonly prefix?: string;
}

/**
 * The repositories of a store, in distribution's order (`/` below every other character).
 * A store of our own has one marker a repository, so that one page is one listing; a store that another
 * registry also writes to is walked instead, and no marker is written. A repository that this server made or removed
 * lately is shown so though a listing may not; where they disagree the marker decides. One that another node removed
 * within a minute of a push here is missing until it is pushed to again after that minute: until then its marker is taken
 * to be there.
 */
export class Catalog {
  private readonly walks = new SharedReads<readonly string[]>();
  private remembered: { readonly names: readonly string[]; readonly until: number } | undefined;
  /** Until when it is taken for granted that a marker is there. */
  private readonly marked = new LRUCache<string, number>({ max: REMEMBERED_MARKERS });
  private readonly recent: RecentChanges;

  constructor(
    private readonly driver: StorageDriver,
    private readonly shared: boolean,
    private readonly clock: Clock,
    private readonly invalidations: Invalidations,
    /** Milliseconds that the names of a shared store serve further pages; 0 walks it for each. */
    private readonly maxAge: number,
  ) {
    this.recent = new RecentChanges(clock);
    invalidations.subscribe(({ kind, key }) => {
      if (kind === 'repository') this.note(key);
      if (kind === 'repository-deleted') this.noteRemoved(key);
    });
  }

  /** Makes the repository appear in the catalog; with its first link. */
  async mark(name: RepositoryName): Promise<void> {
    if (this.shared || (this.marked.get(name) ?? 0) > this.clock.now()) return;
    try {
      await this.driver.put(catalogMarkerKey(name), new Uint8Array(), { ifAbsent: true });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      this.remember(name);
      return;
    }
    this.note(name);
    await this.invalidations.publish({ kind: 'repository', key: name });
  }

  /** Takes the repository from the catalog, in all workers of this server. What pushes there from now on marks it again. */
  async unmark(name: RepositoryName): Promise<void> {
    if (!this.shared) await this.driver.delete(catalogMarkerKey(name));
    this.noteRemoved(name);
    await this.invalidations.publish({ kind: 'repository-deleted', key: name });
  }

  /** Whether the store has the repository's marker. */
  async isMarked(name: RepositoryName): Promise<boolean> {
    try {
      await this.driver.stat(catalogMarkerKey(name), { fresh: true });
      return true;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  /** A page of those names that may be shown. */
  async listVisible(
    request: CatalogRequest,
    isVisible: (name: RepositoryName) => boolean,
  ): Promise<Page<string>> {
    const { limit, prefix } = request;
    if (limit === 0) return { items: [] };
    const visible: string[] = [];
    let last = request.last;
    for (;;) {
      const size = last === request.last ? limit + 1 : Math.max(limit + 1, LEAST_LISTED);
      const page = await this.list({
        limit: size,
        ...(last !== undefined && { last }),
        ...(prefix !== undefined && { prefix }),
      });
      visible.push(...page.items.filter((name) => isVisible(name as RepositoryName)));
      const items = visible.slice(0, limit);
      // One more is looked for: that there is a next page must not tell of what is hidden.
      if (visible.length > limit) return { items, next: items.at(-1) ?? '' };
      if (page.next === undefined) return { items };
      last = page.next;
    }
  }

  async list(request: CatalogRequest): Promise<Page<string>> {
    const { last, limit, prefix = '' } = request;
    if (limit === 0 || !NAME_PART.test(prefix)) return { items: [] };
    if (this.shared) {
      const walked = await this.walked(last === undefined);
      const names = prefix === '' ? walked : walked.filter((name) => name.startsWith(prefix));
      return pageOf(names, request, inCatalogOrder);
    }
    const listing = await this.driver.list({
      prefix: markersOf(prefix),
      limit,
      ...(last !== undefined && { startAfter: markersOf(last) }),
    });
    const listed = listing.objects.map((object) => unflatName(object.key.slice(CATALOG_PREFIX.length)));
    const end = listing.next === undefined ? undefined : listed.at(-1);
    const names = await this.corrected(
      listed,
      (name) =>
        name.startsWith(prefix) &&
        (last === undefined || inCatalogOrder(name, last) > 0) &&
        (end === undefined || inCatalogOrder(name, end) <= 0),
    );
    if (end === undefined || names.length > limit) return pageOf(names, request, inCatalogOrder);
    return { items: names, next: end };
  }

  /** What a listing told, corrected by what this server changed lately within it. */
  private async corrected(
    listed: readonly string[],
    isWithin: (name: string) => boolean,
  ): Promise<readonly string[]> {
    const recent = this.recent.of(ALL);
    if (recent.length === 0) return listed;
    const names = new Set(listed);
    const doubtful = recent.filter(({ name, present }) => names.has(name) !== present && isWithin(name));
    await mapBounded(doubtful, CONCURRENT_READS, async ({ name, present }) => {
      const exists = await this.isMarked(name as RepositoryName);
      if (exists !== present) this.recent.forget(ALL, name);
      else if (exists) names.add(name);
      else names.delete(name);
    });
    return [...names].sort(inCatalogOrder);
  }

  private note(name: string): void {
    this.remember(name);
    this.recent.note(ALL, name, { present: true });
  }

  private noteRemoved(name: string): void {
    this.marked.delete(name);
    this.remembered = undefined;
    if (!this.shared) this.recent.note(ALL, name, { present: false });
  }

  private remember(name: string): void {
    this.marked.set(name, this.clock.now() + MARKED_MILLISECONDS);
  }

  /** The names of a shared store: walked for a first page, remembered for those that follow it. */
  private walked(isFirstPage: boolean): Promise<readonly string[]> {
    const { remembered } = this;
    if (!isFirstPage && remembered !== undefined && remembered.until > this.clock.now())
      return Promise.resolve(remembered.names);
    return this.walks.get('', async () => {
      const names: string[] = [];
      for await (const name of walkRepositories(this.driver)) names.push(name);
      names.sort(inCatalogOrder);
      if (this.maxAge > 0) this.remembered = { names, until: this.clock.now() + this.maxAge };
      return names;
    });
  }
}

/** Begins the markers of the names that begin so. */
function markersOf(names: string): string {
  return `${CATALOG_PREFIX}${names.replaceAll('/', '!')}`;
}

function inCatalogOrder(a: string, b: string): number {
  return byCodeUnit(a.replaceAll('/', '!'), b.replaceAll('/', '!'));
}

/**
 * Finds repositories by distribution's own files: one listing a directory. A name is a repository if it has
 * layers or manifests of its own.
 */
export async function* walkRepositories(
  driver: StorageDriver,
  prefix: string = REPOSITORIES_PREFIX,
): AsyncGenerator<RepositoryName> {
  let isRepository = false;
  const nested: string[] = [];
  for await (const child of listAll(driver, { prefix, delimiter: '/' })) {
    const component = child.slice(prefix.length, -1);
    if (component === '_layers' || component === '_manifests') isRepository = true;
    else if (!component.startsWith('_') && child.endsWith('/')) nested.push(child);
  }
  const name = validName(prefix.slice(REPOSITORIES_PREFIX.length, -1));
  if (isRepository && name !== undefined) yield name;
  for (const child of nested) yield* walkRepositories(driver, child);
}

/** Another registry's directory may hold names that are none; they are not repositories here. */
function validName(text: string): RepositoryName | undefined {
  if (text === '') return undefined;
  try {
    return parseRepositoryName(text);
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}
