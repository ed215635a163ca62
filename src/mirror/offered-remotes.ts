import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Remote, Remotes } from './remote.js';
import type { RemoteRepository, Upstream } from './upstream.js';
import type { UpstreamAccess } from './upstream-access.js';

const MOST_REMEMBERED = 10_000;
const REFUSED = 'refused';

/**
 * Where the repositories of the mirror come from, of those that its operator offers. Asked for another it
 * @throws RegistryError DENIED, whether or not the store has content of it
 */
export function offeredRemotes(
  remoteOf: (name: RepositoryName) => RemoteRepository | undefined,
  accessTo: (upstream: Upstream) => UpstreamAccess,
): Remotes {
  const known = new LRUCache<RepositoryName, Remote | typeof REFUSED>({ max: MOST_REMEMBERED });
  return (name) => {
    if (!name.startsWith('mirror/')) return undefined;
    let remote = known.get(name);
    if (remote === undefined) {
      const found = remoteOf(name);
      if (found === undefined) return undefined;
      remote = isOffered(found) ? { ...found, access: accessTo(found.upstream) } : REFUSED;
      known.set(name, remote);
    }
    if (remote === REFUSED) throw new RegistryError('DENIED', 'the mirror does not offer this repository');
    return remote;
  };
}

function isOffered({ upstream: { allow, deny }, name }: RemoteRepository): boolean {
  const isAllowed = allow.length === 0 || allow.some((pattern) => pattern.matches(name));
  return isAllowed && !deny.some((pattern) => pattern.matches(name));
}
