import type { SwiftClient } from './swift-client.js';
import { StorageError } from '../../src/ports/storage-driver.js';

/** The limits of a Swift cluster, as `/info` tells them or as Swift has them by itself. */
export interface SwiftInfo {
  /** Bytes of one object. */
  readonly maxObjectBytes: number;
  /** Entries of one listing. */
  readonly listingLimit: number;
  /** Parts of one static large object. */
  readonly sloParts: number;
  /** Objects of one bulk delete; 0 where there is none. */
  readonly bulkDeletes: number;
}

const DEFAULTS: SwiftInfo = {
  maxObjectBytes: 5 * 1024 ** 3,
  listingLimit: 10_000,
  sloParts: 1000,
  bulkDeletes: 0,
};

interface RawInfo {
  readonly swift?: { readonly max_file_size?: number; readonly container_listing_limit?: number };
  readonly slo?: { readonly max_manifest_segments?: number };
  readonly bulk_delete?: { readonly max_deletes_per_request?: number };
}

/** Where there is no `/info`, or one that cannot be read, Swift's own limits are taken. */
export async function readInfo(client: SwiftClient): Promise<SwiftInfo> {
  const { status, text } = await client.sendForText({ method: 'GET', at: 'info' });
  if (status !== 200) return DEFAULTS;
  let raw: RawInfo;
  try {
    raw = JSON.parse(text.toString()) as RawInfo;
  } catch {
    return DEFAULTS;
  }
  if (raw.swift !== undefined && raw.slo === undefined) {
    throw new StorageError('UNAVAILABLE', 'Swift has no static large objects; enable the slo middleware');
  }
  return {
    maxObjectBytes: raw.swift?.max_file_size ?? DEFAULTS.maxObjectBytes,
    listingLimit: raw.swift?.container_listing_limit ?? DEFAULTS.listingLimit,
    sloParts: raw.slo?.max_manifest_segments ?? DEFAULTS.sloParts,
    bulkDeletes: raw.bulk_delete?.max_deletes_per_request ?? 0,
  };
}
