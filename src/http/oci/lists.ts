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
    name: call.askedName,
    tags: page.items,
  });
}

/** GET /v2/_catalog (Docker Registry HTTP API v2): what the caller may pull from. */
export async function getCatalog(call: OciCall): Promise<void> {
  const isVisible = await call.caller.pullable();
  const page = await call.registry.catalog.listVisible(pageRequest(call, CATALOG_PAGE), isVisible);
  sendJson(call.res, 200, nextLink(call, page.items.length, page.next), { repositories: page.items });
}

/** GET /v2/<name>/referrers/<digest> (OCI end-12a, 12b). */
export async function getReferrers(call: OciCall): Promise<void> {
  const subject = Digest.parse(call.target);
  const artifactType = call.query.get('artifactType');
  const request = pageRequest(call, Number.MAX_SAFE_INTEGER);
  const referrers = call.registry.referrers.list(call.name, subject, request.last);
  const { items, next } = await cut(referrers, artifactType, request.limit);
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

/** A page of those that match, cut by number and by bytes; none is read that it does not need. */
async function cut(
  referrers: AsyncIterable<Descriptor>,
  artifactType: string | null,
  limit: number,
): Promise<{ items: Descriptor[]; next?: string }> {
  const items: Descriptor[] = [];
  let bytes = 0;
  for await (const referrer of referrers) {
    if (artifactType !== null && referrer.artifactType !== artifactType) continue;
    bytes += Buffer.byteLength(JSON.stringify(referrer)) + 1;
    if (items.length >= limit || (items.length > 0 && bytes > REFERRERS_BYTES)) {
      const next = items.at(-1)?.digest.toString();
      return next === undefined ? { items } : { items, next };
    }
    items.push(referrer);
  }
  return { items };
}

/** RFC 8288, as a path: it holds behind any proxy. */
function nextLink({ req, query }: OciCall, count: number, next: string | undefined): HeaderList {
  if (next === undefined) return [];
  const [path = ''] = (req.url ?? '').split('?', 1);
  const following = new URLSearchParams({ last: next, n: query.get('n') ?? String(count) });
  const artifactType = query.get('artifactType');
  if (artifactType !== null) following.set('artifactType', artifactType);
  const namespace = query.get('ns');
  if (namespace !== null) following.set('ns', namespace);
  return ['Link', `<${path}?${following.toString()}>; rel="next"`];
}
