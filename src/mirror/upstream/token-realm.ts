import { shownHost } from './upstream-failures.js';
import type { Upstream } from './upstream.js';
import { UpstreamError } from './upstream-error.js';

/** Whether the URL's host stands in `tokenHosts`; an entry without a port means the URL's scheme's own. */
export function isTokenHost(upstream: Pick<Upstream, 'tokenHosts'>, url: URL): boolean {
  return upstream.tokenHosts.some((entry) => {
    const base = `${url.protocol}//${entry}`;
    return URL.canParse(base) && new URL(base).host === url.host;
  });
}

/**
 * The URL that tokens are taken from, bound to the upstream: whoever answers in its place cannot have our login sent
 * elsewhere (CVE-2026-33540). @throws UpstreamError `refused`
 */
export function boundRealm(upstream: Pick<Upstream, 'name' | 'url' | 'tokenHosts'>, text: string): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || (realm.protocol !== 'https:' && realm.protocol !== 'http:')) {
    throw refused(upstream, 'to something that is no http or https URL');
  }
  if (upstream.url.protocol === 'https:' && realm.protocol !== 'https:') {
    throw refused(upstream, `to ${shownHost(realm)} without TLS`);
  }
  if (realm.username !== '' || realm.password !== '') {
    throw refused(upstream, `to ${shownHost(realm)} with a login of its own`);
  }
  if (realm.host !== upstream.url.host && !isTokenHost(upstream, realm)) {
    throw refused(
      upstream,
      `to ${shownHost(realm)}: list it in tokenHosts if the upstream's tokens come from there`,
    );
  }
  return realm;
}

function refused(upstream: Pick<Upstream, 'name'>, why: string): UpstreamError {
  return new UpstreamError('refused', `${upstream.name} sends us for tokens ${why}`);
}
