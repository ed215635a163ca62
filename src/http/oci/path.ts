/** The shapes of the registry API's paths (OCI distribution-spec "Endpoints"). */
export type Shape =
  | 'base'
  | 'catalog'
  | 'extensions'
  | 'repository-extensions'
  | 'tags'
  | 'manifest'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'referrers';

export interface OciPath {
  readonly shape: Shape;
  /** The repository's name as it was sent; empty where the shape has none. */
  readonly name: string;
  /** The last component: a reference, a digest, a session id; empty where the shape has none. */
  readonly target: string;
}

const BASE = '/v2/';
/** Methods whose requests have a body. */
const SENDS: ReadonlySet<string> = new Set(['POST', 'PATCH', 'PUT']);

/** The path and the query of a request of the registry API; undefined for any other. */
export function splitTarget(target: string): { path: string; search: string } | undefined {
  const url = originForm(target);
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  if (!path.startsWith(BASE) && path !== '/v2') return undefined;
  return { path, search: queryAt < 0 ? '' : url.slice(queryAt + 1) };
}

/** Whether a request carries a blob, and may last as long as its bytes take. Of a path that is no API's never. */
export function isTransfer(method: string, target: string): boolean {
  const shape = parseOciPath(splitTarget(target)?.path ?? '')?.shape;
  return method === 'GET'
    ? shape === 'blob'
    : SENDS.has(method) && (shape === 'uploads' || shape === 'upload');
}

/** RFC 9112 §3.2.2: a server takes the absolute form too. */
function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '');
}

/**
 * Takes a raw path apart from its end, for names hold slashes and may hold `blobs`, `uploads` or `tags` too.
 * Nothing is decoded but `%3A` and other escapes of the last component: an escaped slash never becomes one.
 * Undefined for a path that is not the API's.
 */
export function parseOciPath(path: string): OciPath | undefined {
  if (path === BASE || path === '/v2') return { shape: 'base', name: '', target: '' };
  if (!path.startsWith(BASE)) return undefined;
  const rest = path.slice(BASE.length);
  if (rest === '_catalog') return { shape: 'catalog', name: '', target: '' };
  if (rest === '_oci/ext/discover') return { shape: 'extensions', name: '', target: '' };
  const last = rest.lastIndexOf('/');
  const target = decodeTarget(rest.slice(last + 1));
  const before = rest.slice(0, Math.max(last, 0));
  if (target === undefined) return undefined;
  return (
    ending(before, target, '/blobs/uploads', target === '' ? 'uploads' : 'upload') ??
    (target === 'uploads' ? ending(before, '', '/blobs', 'uploads') : undefined) ??
    (target === 'list' ? ending(before, '', '/tags', 'tags') : undefined) ??
    (target === 'discover' ? ending(before, '', '/_oci/ext', 'repository-extensions') : undefined) ??
    ending(before, target, '/manifests', 'manifest') ??
    ending(before, target, '/blobs', 'blob') ??
    ending(before, target, '/referrers', 'referrers')
  );
}

function ending(before: string, target: string, suffix: string, shape: Shape): OciPath | undefined {
  return before.endsWith(suffix) ? { shape, name: before.slice(0, -suffix.length), target } : undefined;
}

function decodeTarget(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes('/') ? undefined : decoded;
  } catch {
    return undefined;
  }
}
