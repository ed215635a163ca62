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
import { RecentChanges } from './recent-changes.js';
import { SharedReads } from './shared-reads.js';

const REMEMBERED_MARKERS = 50_000;
/** Names in one listing, once it is seen that many are hidden. */
const LEAST_LISTED = 5000;
/** The one group of names. */
const ALL = '';

/**
 * The repositories of a store, in distribution's order (`/` below every other character).
 * A store of our own has one marker a repository, so that one page is one listing; a store that another
 * registry also writes to is walked instead, and no marker is written. A repository that this server made lately
 * is shown though a listing may not.
 */
export class Catalog {
  private readonly walks = new SharedReads<readonly string[]>();
  private remembered: { readonly names: readonly string[]; readonly until: number } | undefined;
  private readonly marked = new LRUCache<string, true>({ max: REMEMBERED_MARKERS });
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
    });
  }

  /** Makes the repository appear in the catalog; with its first link. */
  async mark(name: RepositoryName): Promise<void> {
    if (this.shared || this.marked.has(name)) return;
    try {
      await this.driver.put(catalogMarkerKey(name), new Uint8Array(), { ifAbsent: true });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      this.marked.set(name, true);
      return;
    }
    this.note(name);
    await this.invalidations.publish({ kind: 'repository', key: name });
  }

  /** A page of those names that may be shown. */
  async listVisible(
    request: PageRequest,
    isVisible: (name: RepositoryName) => boolean,
  ): Promise<Page<string>> {
    const { limit } = request;
    if (limit === 0) return { items: [] };
    const visible: string[] = [];
    let last = request.last;
    for (;;) {
      const size = last === request.last ? limit + 1 : Math.max(limit + 1, LEAST_LISTED);
      const page = await this.list({ limit: size, ...(last !== undefined && { last }) });
      visible.push(...page.items.filter((name) => isVisible(name as RepositoryName)));
      const items = visible.slice(0, limit);
      // One more is looked for: that there is a next page must not tell of what is hidden.
      if (visible.length > limit) return { items, next: items.at(-1) ?? '' };
      if (page.next === undefined) return { items };
      last = page.next;
    }
  }

  async list(request: PageRequest): Promise<Page<string>> {
    if (request.limit === 0) return { items: [] };
    if (this.shared) return pageOf(await this.walked(request.last === undefined), request, inCatalogOrder);
    const { last } = request;
    const listing = await this.driver.list({
      prefix: CATALOG_PREFIX,
      limit: request.limit,
      ...(last !== undefined && { startAfter: `${CATALOG_PREFIX}${last.replaceAll('/', '!')}` }),
    });
    const listed = listing.objects.map((object) => unflatName(object.key.slice(CATALOG_PREFIX.length)));
    const end = listed.at(-1);
    if (listing.next === undefined || end === undefined)
      return pageOf(this.withRecent(listed), request, inCatalogOrder);
    const names = this.withRecent(listed).filter((name) => inCatalogOrder(name, end) <= 0);
    const { items } = pageOf(names, request, inCatalogOrder);
    return { items, next: items.at(-1) ?? end };
  }

  /** Those that a listing told, and those that it may not tell yet. */
  private withRecent(listed: readonly string[]): readonly string[] {
    const recent = this.recent.of(ALL).map(({ name }) => name);
    return recent.length === 0 ? listed : [...new Set([...listed, ...recent])].sort(inCatalogOrder);
  }

  private note(name: string): void {
    this.marked.set(name, true);
    this.recent.note(ALL, name, { present: true });
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
