import type { Page, PageRequest } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { ServedRegistry } from '../registry/registry.js';
import { readBounded } from './bounded-body.js';
import { nextPath } from './next-page.js';
import { told } from './mirror-failure.js';
import type { Remote, Remotes } from './remote.js';
import { UpstreamError } from './upstream-error.js';

const PAGE_BYTES = 16 * 1024 * 1024;
/** Pages of a list that was asked for whole. */
const MOST_PAGES = 100;

export interface MirrorTagsParts {
  readonly inner: ServedRegistry['tags'];
  readonly remotes: Remotes;
  /** Milliseconds that the bytes of a list may take. */
  readonly bodyTimeout: number;
}

/** Tags, those of the mirror as their upstreams list them; while these cannot be asked, those that were pulled. */
export class MirrorTags {
  constructor(private readonly parts: MirrorTagsParts) {}

  /** @throws RegistryError NAME_UNKNOWN; DENIED, TOOMANYREQUESTS, UNAVAILABLE of an upstream */
  async page(name: RepositoryName, request: PageRequest): Promise<Page<string>> {
    const { inner, remotes } = this.parts;
    const remote = remotes(name);
    if (remote === undefined) return inner.page(name, request);
    try {
      return await this.pageThere(remote, request);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (error.failure === 'absent') throw new RegistryError('NAME_UNKNOWN', undefined, { cause: error });
      return inner.page(name, request).catch((unknown: unknown) => {
        throw unknown instanceof RegistryError ? told(error, remote, 'NAME_UNKNOWN') : unknown;
      });
    }
  }

  readonly delete: ServedRegistry['tags']['delete'] = (...call) => this.parts.inner.delete(...call);

  private async pageThere(remote: Remote, { limit, last }: PageRequest): Promise<Page<string>> {
    if (limit === 0) return { items: [] };
    const isWhole = limit === Number.MAX_SAFE_INTEGER;
    const query = new URLSearchParams({
      ...(!isWhole && { n: String(limit) }),
      ...(last !== undefined && { last }),
    }).toString();
    const items: string[] = [];
    let path: string | undefined = query === '' ? 'tags/list' : `tags/list?${query}`;
    for (let pages = 0; path !== undefined && pages < (isWhole ? MOST_PAGES : 1); pages += 1) {
      const answer = await remote.access.ask({ method: 'GET', repository: remote.name, path });
      const bytes = await readBounded(answer.body, { limit: PAGE_BYTES, timeout: this.parts.bodyTimeout });
      items.push(...tagsIn(bytes, remote));
      path = nextPath(answer.link, 'tags/list');
    }
    const next = items.slice(0, limit).at(-1);
    const isMore = path !== undefined || items.length > limit;
    return isMore && next !== undefined ? { items: items.slice(0, limit), next } : { items };
  }
}

/** @throws UpstreamError for what is no list */
function tagsIn(bytes: Buffer | undefined, { upstream, name }: Remote): readonly string[] {
  try {
    const { tags } = JSON.parse(bytes?.toString() ?? '') as { tags?: unknown };
    if (tags === null || tags === undefined) return [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UpstreamError(
    'unavailable',
    `what ${upstream.name} lists for ${name} is cut, too long or no list of tags`,
  );
}
