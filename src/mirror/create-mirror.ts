import { setMaxListeners } from 'node:events';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Locker } from '../ports/locker.js';
import type { Logger } from '../ports/logger.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import { StorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { Registry } from '../registry/registry.js';
import { BlobFetches } from './fetch/blob-fetches.js';
import { BlobSizes } from './blob-sizes.js';
import type { FetchLimits } from './fetch/fetch-parts.js';
import { FetchRecords } from './fetch/fetch-records.js';
import { ManifestFetches } from './manifest-fetches.js';
import { MirrorBlobs } from './mirror-blobs.js';
import { MirrorManifests } from './mirror-manifests.js';
import { MirrorReferrers } from './mirror-referrers.js';
import { MirrorTags } from './mirror-tags.js';
import type { MirrorUses } from './mirror-uses.js';
import type { Mirror } from './mirror.js';
import { MissingContent } from './missing-content.js';
import { offeredRemotes } from './offered-remotes.js';
import { TagLooks } from './tag-looks.js';
import { Reservations } from './reservations.js';
import type { RemoteRepository, Upstream } from './upstream/upstream.js';
import type { UpstreamAccess } from './upstream/upstream-access.js';

export interface MirrorParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
  /** With how each is asked; closed with the mirror. */
  readonly upstreams: ReadonlyMap<Upstream, UpstreamAccess>;
  readonly remoteOf: (name: RepositoryName) => RemoteRepository | undefined;
  readonly uses: MirrorUses;
  readonly locker: Locker;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly telemetry: MirrorTelemetry;
}

/** Times in milliseconds. */
export interface MirrorLimits extends FetchLimits {
  readonly tagMaxAge: number;
  readonly missingMaxAge: number;
  readonly staleAfter: number;
  /** That the bytes of a manifest or list may take. */
  readonly bodyTimeout: number;
  readonly maxManifestBytes: number;
}

/** A mirror of the upstreams over the registry. */
export function createMirror(parts: MirrorParts, limits: MirrorLimits): Mirror {
  const { registry, driver, upstreams, clock, telemetry, uses } = parts;
  const { bodyTimeout } = limits;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one a question
  const remotes = offeredRemotes(
    parts.remoteOf,
    (upstream) => {
      const access = upstreams.get(upstream);
      if (access === undefined) throw new Error(`nobody asks ${upstream.name}`);
      return unlessClosing(access, closing.signal);
    },
    new Reservations(driver),
  );
  const sizes = new BlobSizes();
  const missing = (): MissingContent => new MissingContent(clock, limits.missingMaxAge);
  const fetches = new BlobFetches({ ...parts, records: new FetchRecords(driver, clock), limits });
  const manifestFetches = new ManifestFetches({ ...parts, sizes, ...limits });
  const looks = new TagLooks(registry, manifestFetches, clock, parts.log, limits.tagMaxAge);
  const blobs = new MirrorBlobs({
    inner: registry.blobs,
    remotes,
    fetches,
    sizes,
    missing: missing(),
    damaged: registry.damaged,
    telemetry,
  });
  const manifests = new MirrorManifests({
    registry,
    remotes,
    fetches: manifestFetches,
    looks,
    missing: missing(),
    uses,
    telemetry,
    clock,
    staleAfter: limits.staleAfter,
  });
  const settled = async (): Promise<void> => {
    await manifestFetches.idle();
    await looks.idle();
  };
  return {
    registry: {
      blobs,
      manifests,
      tags: new MirrorTags({ inner: registry.tags, remotes, bodyTimeout }),
      referrers: new MirrorReferrers({ inner: registry.referrers, remotes, bodyTimeout }),
      uploads: registry.uploads,
      catalog: registry.catalog,
    },
    upstreams: [...upstreams].map(([upstream, access]) => ({ upstream, state: () => access.state() })),
    take: (name, digest, { signal } = {}) => abandoned(blobs.store(name, digest), signal),
    settled,
    close: async () => {
      closing.abort(new StorageError('UNAVAILABLE', 'the server stops'));
      await fetches.close();
      await settled();
      await uses.idle();
      await Promise.all([...upstreams.values()].map((access) => access.close()));
    },
  };
}

/** The same, whose questions without a signal of their own are given up when the mirror is closed. */
function unlessClosing(access: UpstreamAccess, closing: AbortSignal): UpstreamAccess {
  return {
    ask: (request) => access.ask({ signal: closing, ...request }),
    state: () => access.state(),
    close: () => access.close(),
  };
}

/** The same, but for the signal's reason as soon as that says so. */
function abandoned<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
