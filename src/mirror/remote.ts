import type { RepositoryName } from '../domain/repository-name.js';
import type { RemoteRepository } from './upstream/upstream.js';
import type { UpstreamAccess } from './upstream/upstream-access.js';

/** A repository of an upstream, and how it is asked. */
export interface Remote extends RemoteRepository {
  readonly access: UpstreamAccess;
}

/**
 * Where a repository's content comes from; undefined for one that is no upstream's. At once, but for the first time of
 * each upstream. @throws RegistryError DENIED for one that is not offered; UNAVAILABLE
 */
export interface Remotes {
  (name: RepositoryName): Remote | undefined | Promise<Remote | undefined>;
}
