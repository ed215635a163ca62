import type { Config } from '../config/index.js';
import { TagPattern } from '../domain/tag-pattern.js';
import type { Invalidations } from '../ports/invalidations.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { createRegistry } from '../registry/registry.js';
import type { Registry } from '../registry/registry.js';
import type { OpenStore } from './store.js';
import { systemClock, systemIds } from './system.js';

/** The registry upon an open store, as the configuration wishes it. */
export function openRegistry(
  driver: StorageDriver,
  { shared }: OpenStore['format'],
  config: Config,
  invalidations: Invalidations,
): Registry {
  return createRegistry(
    { driver, clock: systemClock, ids: systemIds, invalidations },
    {
      shared,
      references: config.registry.references,
      cacheMaxAge: config.cache.maxAge,
      manifestCacheBytes: config.cache.manifestBytes,
      uploadMaxAge: config.uploads.maxAge,
      uploadPurgeAfter: config.uploads.purgeAfter,
      immutableTags: config.registry.immutableTags.map((text) => TagPattern.parse(text)),
    },
  );
}
