import { readableBytes } from '../../src/domain/byte-size.js';
import { failure, ok, warning, type Verdict } from '../../src/ports/finding.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { SHORT_BYTES } from './swift-segments.js';
import type { TempUrlInfo } from './temp-urls.js';

/** What a cluster tells of itself. */
export interface ClusterInfo {
  readonly swift?: {
    readonly version?: string;
    readonly max_file_size?: number;
    readonly container_listing_limit?: number;
    readonly policies?: readonly { readonly name: string; readonly aliases?: string }[];
  };
  readonly slo?: { readonly max_manifest_segments?: number };
  readonly bulk_delete?: { readonly max_deletes_per_request?: number };
  readonly tempurl?: TempUrlInfo;
}

/** The limits of the cluster, and whether it has what the driver needs. */
export async function checkInfo(facts: SwiftFacts): Promise<readonly Verdict[]> {
  facts.requireAnswer();
  const { status, text } = await facts.client.sendForText({ method: 'GET', at: 'info' });
  const info = status === 200 ? parse(text) : undefined;
  if (info?.swift === undefined) {
    const what = status === 200 ? 'holds something else' : `is hidden (HTTP ${status})`;
    return [
      warning(
        `/info ${what}: the limits of a Swift as it comes are taken`,
        'have expose_info set in the proxies',
      ),
    ];
  }
  facts.cluster = info;
  return [ok(summaryOf(info)), ...faultsOf(info, facts.options.segmentBytes)];
}

function parse(text: Buffer): ClusterInfo | undefined {
  try {
    return JSON.parse(text.toString()) as ClusterInfo;
  } catch {
    return undefined;
  }
}

function summaryOf({ swift = {}, slo, bulk_delete: bulk }: ClusterInfo): string {
  return [
    `Swift ${swift.version ?? 'of an untold version'}`,
    `objects up to ${swift.max_file_size === undefined ? '?' : readableBytes(swift.max_file_size)}`,
    `${swift.container_listing_limit ?? '?'} names a listing`,
    ...(slo === undefined ? [] : [`${slo.max_manifest_segments ?? '?'} segments a large object`]),
    ...(bulk === undefined ? [] : [`${bulk.max_deletes_per_request ?? '?'} objects a bulk delete`]),
  ].join(', ');
}

function faultsOf({ swift = {}, slo, bulk_delete: bulk }: ClusterInfo, segmentBytes: number): Verdict[] {
  const faults: Verdict[] = [];
  if (slo === undefined) {
    faults.push(
      failure('there are no static large objects', 'have the slo middleware enabled in the proxies'),
    );
  }
  if (bulk === undefined) {
    faults.push(
      warning(
        'there is no bulk delete: objects go one by one',
        'have the bulk middleware enabled in the proxies',
      ),
    );
  }
  const most = (swift.max_file_size ?? Infinity) - SHORT_BYTES;
  if (most <= 0) {
    faults.push(
      failure(
        'objects are too small for any segment',
        `have max_file_size raised above ${readableBytes(SHORT_BYTES)}`,
      ),
    );
  } else if (most < segmentBytes) {
    faults.push(
      warning(
        `segments of ${readableBytes(segmentBytes)} do not fit: they are made of ${readableBytes(most)}`,
        'lower storage.swift.segmentBytes',
      ),
    );
  }
  return faults;
}
