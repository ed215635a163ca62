import type { Upstream } from './upstream.js';
import { UpstreamError } from './upstream-error.js';

const MOST_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * Where a redirect leads. Its address is judged when it is connected to. `followed` counts those before it.
 * @throws UpstreamError `refused`, `unavailable` for what is no redirect
 */
export function redirectTarget(
  { name }: Pick<Upstream, 'name'>,
  from: URL,
  location: string | undefined,
  followed: number,
): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new UpstreamError('unavailable', `${name} (${from.host}) redirects without saying where to`);
  }
  // Only the host is told of: the rest may be a signed URL.
  const to = new URL(location, from);
  const refused = (why: string): UpstreamError =>
    new UpstreamError('refused', `${name} (${from.host}) redirects ${why}`);
  if (followed >= MOST_REDIRECTS) throw refused(`more than ${MOST_REDIRECTS} times`);
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw refused('to something else than http or https');
  if (from.protocol === 'https:' && to.protocol !== 'https:')
    throw refused(`from https to http at ${to.host}`);
  if (to.username !== '' || to.password !== '') throw refused(`to ${to.host} with a login of its own`);
  return to;
}
