import type { RepositoryName } from '../domain/repository-name.js';
import type { Upstream } from './upstream.js';
import type { UpstreamAccess } from './upstream-access.js';

/** A repository of an upstream, and how it is asked. */
export interface Remote {
  readonly upstream: Upstream;
  /** By the name that it has there. */
  readonly name: RepositoryName;
  readonly access: UpstreamAccess;
}

/** Where a repository's content comes from; undefined for one that is no upstream's. */
export interface Remotes {
  (name: RepositoryName): Remote | undefined;
}
