import type { Config } from '../config/index.js';
import { adoptStore } from '../jobs/adopt-store.js';
import type { AdoptOptions, AdoptReport } from '../jobs/adopt-store.js';
import { purgeUploads } from '../jobs/purge-uploads.js';
import type { PurgeOptions, PurgeReport } from '../jobs/purge-uploads.js';
import { createRegistry } from '../registry/registry.js';
import { openConfiguredStore } from './store.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';
import { noInvalidations } from './worker-bus.js';

/** What the command line does with a store, beside a server or without one. */
export interface StoreTools {
  /** On a shared store only a report, with the reason. */
  purgeUploads(options: PurgeOptions): Promise<PurgeReport & { readonly reason?: string }>;
  adopt(options: AdoptOptions): Promise<AdoptReport>;
  close(): Promise<void>;
}

export async function openStore(config: Config): Promise<StoreTools> {
  const { driver, format } = await openConfiguredStore(config, createTelemetry());
  return {
    async purgeUploads(options) {
      const { shared } = format;
      const report = await purgeUploads(driver, systemClock, {
        ...options,
        dryRun: options.dryRun || shared,
      });
      if (!shared || options.dryRun) return report;
      return { ...report, reason: 'another registry may still write to the store; see stackyard adopt' };
    },
    adopt(options) {
      const registry = createRegistry(
        { driver, clock: systemClock, ids: systemIds, invalidations: noInvalidations },
        {
          shared: false,
          references: 'sparse',
          cacheMaxAge: 0,
          manifestCacheBytes: config.cache.manifestBytes,
          uploadMaxAge: config.uploads.maxAge,
          uploadPurgeAfter: config.uploads.purgeAfter,
        },
      );
      return adoptStore(driver, registry, format, options);
    },
    close: () => driver.close(),
  };
}
