import type { TagPattern } from '../domain/tag-pattern.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Invalidations } from '../ports/invalidations.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { BlobCommitter } from './blob-committer.js';
import { BlobExaminations } from './blob-examinations.js';
import { BlobStore } from './blob-store.js';
import { Catalog } from './catalog.js';
import { DamagedBlobs } from './damaged-blobs.js';
import { ManifestBodies } from './manifest-bodies.js';
import { ManifestStore } from './manifest-store.js';
import { Membership } from './membership.js';
import { PushedRevisions } from './pushed-revisions.js';
import { ReferrerIndex } from './referrer-index.js';
import { scanReferrers } from './referrer-scan.js';
import { SessionKeys } from './session-keys.js';
import { SessionStates } from './session-states.js';
import { TagStore } from './tag-store.js';
import { UploadReceiver } from './upload-receiver.js';
import { UploadSessions } from './upload-sessions.js';
import { UploadSteps } from './upload-steps.js';

/** What a registry is, whoever asks: HTTP, jobs, the command line. */
export interface Registry {
  readonly blobs: BlobStore;
  readonly uploads: UploadSessions;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly referrers: ReferrerIndex;
  readonly catalog: Catalog;
  /** For the removal of repositories. */
  readonly pushed: PushedRevisions;
  /** To be watched by a server. */
  readonly damaged: DamagedBlobs;
}

/** Of a registry what its API serves: what a decorator of it answers. */
export interface ServedRegistry {
  readonly blobs: Pick<
    BlobStore,
    'stat' | 'open' | 'openWhole' | 'signedUrl' | 'mount' | 'mountFromAny' | 'delete'
  >;
  readonly uploads: UploadSessions;
  readonly manifests: Pick<ManifestStore, 'get' | 'put' | 'delete'>;
  readonly tags: Pick<TagStore, 'page' | 'delete'>;
  readonly referrers: Pick<ReferrerIndex, 'list'>;
  readonly catalog: Pick<Catalog, 'listVisible'>;
}

export interface RegistryOptions {
  /** Whether another registry writes to the store too: then no marker is written or trusted. */
  readonly shared: boolean;
  readonly references: 'required' | 'sparse';
  /** Milliseconds that membership and tag lists are remembered. */
  readonly cacheMaxAge: number;
  /** Bytes of manifests held in memory. */
  readonly manifestCacheBytes: number;
  /** Milliseconds after which an upload session is refused. */
  readonly uploadMaxAge: number;
  /** Milliseconds after which what is left of a session is removed. */
  readonly uploadPurgeAfter: number;
  /** Tags that are set once, and neither moved nor deleted. */
  readonly immutableTags?: readonly TagPattern[];
}

export interface RegistryParts {
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly invalidations: Invalidations;
}

export function createRegistry(
  { driver, clock, ids, invalidations }: RegistryParts,
  options: RegistryOptions,
): Registry {
  const catalog = new Catalog(driver, options.shared, clock, invalidations, options.cacheMaxAge);
  const layers = new Membership('layer', clock, invalidations, options.cacheMaxAge);
  const revisions = new Membership('revision', clock, invalidations, options.cacheMaxAge);
  const damaged = new DamagedBlobs(driver, clock, invalidations, options.shared);
  const examinations = new BlobExaminations(driver, damaged, clock);
  const blobs = new BlobStore(driver, layers, catalog, damaged, examinations);
  const tags = new TagStore(driver, clock, invalidations, options.cacheMaxAge, options.immutableTags);
  const bodies = new ManifestBodies(driver, damaged, examinations, options.manifestCacheBytes);
  const referrers: ReferrerIndex = new ReferrerIndex(
    driver,
    (name, digest) => manifests.has(name, digest),
    options.shared ? (name, subject) => scanReferrers(driver, manifests, name, subject) : undefined,
  );
  const pushed = new PushedRevisions(clock, invalidations);
  const manifests: ManifestStore = new ManifestStore(
    { driver, membership: revisions, bodies, blobs, tags, referrers, catalog, damaged, pushed },
    options.references,
  );
  const steps = new UploadSteps(driver, Math.ceil(options.uploadPurgeAfter / 1000));
  const states = new SessionStates(driver, steps);
  const uploads = new UploadSessions(
    {
      driver,
      keys: new SessionKeys(driver, ids),
      steps,
      states,
      receiver: new UploadReceiver(driver, states, ids),
      blobs,
      committer: new BlobCommitter(driver, blobs, damaged),
      clock,
      ids,
      invalidations,
    },
    options.uploadMaxAge,
  );
  return { blobs, uploads, manifests, tags, referrers, catalog, pushed, damaged };
}
