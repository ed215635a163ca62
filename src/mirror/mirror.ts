import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { ServedRegistry } from '../registry/registry.js';
import type { Upstream } from './upstream/upstream.js';
import type { UpstreamState } from './upstream/upstream-access.js';

/** A registry that takes what it lacks from upstreams, and what else is done with these. */
export interface Mirror {
  /** Answers for every repository; those of the mirror it fills as they are read. */
  readonly registry: ServedRegistry;
  readonly upstreams: readonly { readonly upstream: Upstream; readonly state: () => UpstreamState }[];
  /**
   * Has a blob of a mirrored repository stored, and waits for it.
   * @throws RegistryError, as reading it; the signal's reason, upon which the blob may still be taken
   */
  take(
    name: RepositoryName,
    digest: Digest,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly size: number; readonly wasStored: boolean }>;
  /** Waits for the manifests and tags that were answered to be stored. */
  settled(): Promise<void>;
  /** Waits a moment for what is being taken, then gives it up. */
  close(): Promise<void>;
}
