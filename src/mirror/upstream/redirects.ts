import { shownHost } from './upstream-failures.js';
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
  { name, url }: Pick<Upstream, 'name' | 'url'>,
  from: URL,
  location: string | undefined,
  followed: number,
): URL {
  const about = from.origin === url.origin ? 'repository' : 'elsewhere';
  if (location === undefined || !URL.canParse(location, from.href)) {
    const told = `${name} (${shownHost(from)}) redirects without saying where to`;
    throw new UpstreamError('unavailable', told, { about });
  }
  // Only the host is told of: the rest may be a signed URL.
  const to = new URL(location, from);
  const refused = (why: string): UpstreamError =>
    new UpstreamError('refused', `${name} (${shownHost(from)}) redirects ${why}`, { about });
  if (followed >= MOST_REDIRECTS) throw refused(`more than ${MOST_REDIRECTS} times`);
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw refused('to something else than http or https');
  if (from.protocol === 'https:' && to.protocol !== 'https:')
    throw refused(`from https to http at ${shownHost(to)}`);
  if (to.username !== '' || to.password !== '') throw refused(`to ${shownHost(to)} with a login of its own`);
  return to;
}
