import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { isMirrored } from './namespaces.js';
import type { Remote, Remotes } from './remote.js';
import type { Reservations } from './reservations.js';
import type { RemoteRepository, Upstream } from './upstream/upstream.js';
import type { UpstreamAccess } from './upstream/upstream-access.js';

const MOST_REMEMBERED = 10_000;
const REFUSED = 'refused';

/**
 * Where the repositories of the mirror come from, of those that its operator offers, whether or not the store has
 * content of them. What lies below an upstream's name is claimed for it before anything of it is served.
 */
export function offeredRemotes(
  remoteOf: (name: RepositoryName) => RemoteRepository | undefined,
  accessTo: (upstream: Upstream) => UpstreamAccess,
  reservations: Pick<Reservations, 'claim'>,
): Remotes {
  const known = new LRUCache<RepositoryName, Remote | typeof REFUSED>({ max: MOST_REMEMBERED });
  const claims = new Map<Upstream, Promise<void>>();
  const claimed = (upstream: Upstream): Promise<void> => {
    const claim = claims.get(upstream) ?? reservations.claim(upstream.name);
    claims.set(upstream, claim);
    claim.catch(() => claims.delete(upstream));
    return claim;
  };
  const find = async (name: RepositoryName): Promise<Remote | undefined> => {
    const found = remoteOf(name);
    if (found === undefined) return undefined;
    await claimed(found.upstream);
    const remote = isOffered(found) ? { ...found, access: accessTo(found.upstream) } : REFUSED;
    known.set(name, remote);
    return offered(remote);
  };
  return (name) => {
    if (!isMirrored(name)) return undefined;
    const remote = known.get(name);
    return remote === undefined ? find(name) : offered(remote);
  };
}

/** @throws RegistryError DENIED */
function offered(remote: Remote | typeof REFUSED): Remote {
  if (remote === REFUSED) throw new RegistryError('DENIED', 'the mirror does not offer this repository');
  return remote;
}

function isOffered({ upstream: { allow, deny }, name }: RemoteRepository): boolean {
  const isAllowed = allow.length === 0 || allow.some((pattern) => pattern.matches(name));
  return isAllowed && !deny.some((pattern) => pattern.matches(name));
}
