import type { Page, PageRequest } from '../domain/page.js';
import { isTag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { ServedRegistry } from '../registry/registry.js';
import { listPages } from './upstream/list-pages.js';
import { told } from './mirror-failure.js';
import type { Remote, Remotes } from './remote.js';
import { SharedWork } from './shared-work.js';
import { UpstreamError } from './upstream/upstream-error.js';

/** Pages of a list that was asked for whole. */
const MOST_PAGES = 100;

export interface MirrorTagsParts {
  readonly inner: ServedRegistry['tags'];
  readonly remotes: Remotes;
  /** Milliseconds that the bytes of a list may take. */
  readonly bodyTimeout: number;
}

/**
 * Tags, those of the mirror as their upstreams list them, a list once for all who ask for it at the same time; while
 * these cannot be asked, those that were pulled.
 */
export class MirrorTags {
  private readonly running = new SharedWork<Page<string>>();

  constructor(private readonly parts: MirrorTagsParts) {}

  /** @throws RegistryError NAME_UNKNOWN; DENIED, TOOMANYREQUESTS, UNAVAILABLE of an upstream */
  async page(name: RepositoryName, request: PageRequest): Promise<Page<string>> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
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

  private async pageThere(remote: Remote, request: PageRequest): Promise<Page<string>> {
    const { limit, last } = request;
    if (limit === 0) return { items: [] };
    const query = new URLSearchParams({
      ...(!isWhole(request) && { n: String(limit) }),
      ...(last !== undefined && { last }),
    }).toString();
    const path = query === '' ? 'tags/list' : `tags/list?${query}`;
    const key = JSON.stringify([remote.upstream.name, remote.name, path]);
    return this.running.of(key, () => this.take(remote, path, request));
  }

  private async take(remote: Remote, path: string, request: PageRequest): Promise<Page<string>> {
    const { limit, last } = request;
    const mostPages = isWhole(request) ? MOST_PAGES : 1;
    let items: string[] = [];
    let isMore = false;
    for await (const page of listPages(remote, { path, mostPages, bodyTimeout: this.parts.bodyTimeout })) {
      for (const tag of tagsIn(page.bytes, remote)) items.push(tag);
      isMore = !page.isLast;
    }
    // Servers that know no pages list all of them each time.
    if (last !== undefined) items = items.slice(items.lastIndexOf(last) + 1);
    isMore ||= items.length > limit;
    items = items.slice(0, limit);
    const next = items.at(-1);
    return isMore && next !== undefined ? { items, next } : { items };
  }
}

function isWhole({ limit }: PageRequest): boolean {
  return limit === Number.MAX_SAFE_INTEGER;
}

/** Those that can be asked for. @throws UpstreamError for what is no list */
function tagsIn(bytes: Buffer, { upstream, name }: Remote): readonly string[] {
  const body = parsed(bytes);
  if (typeof body === 'object' && body !== null) {
    const { tags } = body as { readonly tags?: unknown };
    if (tags === null || tags === undefined) return [];
    if (Array.isArray(tags)) return tags.filter((tag) => typeof tag === 'string' && isTag(tag));
  }
  throw new UpstreamError('unavailable', `what ${upstream.name} lists for ${name} is no list of tags`);
}

/** Undefined where it is no JSON. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
