import { Digest } from '../../domain/digest.js';
import type { Descriptor } from '../../domain/descriptor.js';
import { MEDIA_TYPE } from '../../domain/media-type.js';
import { parsePageSize } from '../../domain/page.js';
import type { PageRequest } from '../../domain/page.js';
import { send, sendJson } from '../response.js';
import type { HeaderList } from '../response.js';
import type { OciCall } from './call.js';

const CATALOG_PAGE = 100;
/** Clients read at most 4 MiB of an index. */
const REFERRERS_BYTES = 3 * 1024 * 1024;

/** GET /v2/<name>/tags/list (OCI end-8a, 8b): without `n` every tag. */
export async function getTags(call: OciCall): Promise<void> {
  const page = await call.registry.tags.page(call.name, pageRequest(call, Number.MAX_SAFE_INTEGER));
  sendJson(call.res, 200, nextLink(call, page.items.length, page.next), {
    name: call.name,
    tags: page.items,
  });
}

/** GET /v2/_catalog (Docker Registry HTTP API v2). */
export async function getCatalog(call: OciCall): Promise<void> {
  const page = await call.registry.catalog.list(pageRequest(call, CATALOG_PAGE));
  sendJson(call.res, 200, nextLink(call, page.items.length, page.next), { repositories: page.items });
}

/** GET /v2/<name>/referrers/<digest> (OCI end-12a, 12b). */
export async function getReferrers(call: OciCall): Promise<void> {
  const subject = Digest.parse(call.target);
  const artifactType = call.query.get('artifactType');
  const all = await call.registry.referrers.list(call.name, subject);
  const wanted =
    artifactType === null ? all : all.filter((referrer) => referrer.artifactType === artifactType);
  const { items, next } = cut(wanted, pageRequest(call, Number.MAX_SAFE_INTEGER));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: items };
  const filters = artifactType === null ? [] : ['OCI-Filters-Applied', 'artifactType'];
  const link = nextLink(call, items.length, next);
  send(call.res, 200, ['Content-Type', MEDIA_TYPE.ociIndex, ...filters, ...link], JSON.stringify(index));
}

/** The page that the query asks for; `n` beyond the largest page is cut to it. */
function pageRequest({ query, options }: OciCall, fallback: number): PageRequest {
  const n = query.get('n');
  const last = query.get('last');
  return {
    limit: n === null ? fallback : Math.min(parsePageSize(n), options.maxPageSize),
    ...(last !== null && last !== '' && { last }),
  };
}

/** Descriptors in order of digests, cut by number and by bytes. */
function cut(
  sorted: readonly Descriptor[],
  { limit, last }: PageRequest,
): { items: Descriptor[]; next?: string } {
  const rest = last === undefined ? sorted : sorted.filter(({ digest }) => digest.toString() > last);
  const items: Descriptor[] = [];
  let bytes = 0;
  for (const descriptor of rest) {
    bytes += Buffer.byteLength(JSON.stringify(descriptor)) + 1;
    if (items.length === limit || (items.length > 0 && bytes > REFERRERS_BYTES)) break;
    items.push(descriptor);
  }
  const next = items.at(-1)?.digest.toString();
  return items.length < rest.length && next !== undefined ? { items, next } : { items };
}

/** RFC 8288, as a path: it holds behind any proxy. */
function nextLink({ req, query }: OciCall, count: number, next: string | undefined): HeaderList {
  if (next === undefined) return [];
  const [path = ''] = (req.url ?? '').split('?', 1);
  const following = new URLSearchParams({ last: next, n: query.get('n') ?? String(count) });
  const artifactType = query.get('artifactType');
  if (artifactType !== null) following.set('artifactType', artifactType);
  return ['Link', `<${path}?${following.toString()}>; rel="next"`];
}
