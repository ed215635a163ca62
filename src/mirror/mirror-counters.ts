import type { MirrorEvent, MirrorTelemetry } from '../ports/mirror-telemetry.js';
import { UPSTREAM_FAILURES } from './upstream/upstream-error.js';
import type { UpstreamFailure } from './upstream/upstream-error.js';

/** Of one upstream, since counting began. Plain data, for it is told from process to process. */
export interface UpstreamCounts {
  /** What was asked for and served from the store. */
  hits: { manifests: number; blobs: number };
  misses: { manifests: number; blobs: number };
  /** Taken whole, verified and stored. */
  fetched: { manifests: number; blobs: number };
  /** Bytes of the hits. */
  bytesSaved: number;
  /** Bytes that came from the upstream, of whatever came to its end or not. */
  bytesReceived: number;
  /** Tags that were answered as they were known. */
  stale: number;
  failures: Record<UpstreamFailure, number>;
}

export type CountsByUpstream = Readonly<Record<string, Readonly<UpstreamCounts>>>;

export function noCounts(): UpstreamCounts {
  const failures = Object.fromEntries(UPSTREAM_FAILURES.map((kind) => [kind, 0]));
  return {
    hits: { manifests: 0, blobs: 0 },
    misses: { manifests: 0, blobs: 0 },
    fetched: { manifests: 0, blobs: 0 },
    bytesSaved: 0,
    bytesReceived: 0,
    stale: 0,
    failures: failures as Record<UpstreamFailure, number>,
  };
}

/** Of several processes together. */
export function sumOf(all: readonly (Readonly<UpstreamCounts> | undefined)[]): UpstreamCounts {
  const sum = noCounts();
  for (const counts of all) {
    if (counts === undefined) continue;
    for (const part of ['hits', 'misses', 'fetched'] as const) {
      sum[part].manifests += counts[part].manifests;
      sum[part].blobs += counts[part].blobs;
    }
    sum.bytesSaved += counts.bytesSaved;
    sum.bytesReceived += counts.bytesReceived;
    sum.stale += counts.stale;
    for (const kind of UPSTREAM_FAILURES) sum.failures[kind] += counts.failures[kind];
  }
  return sum;
}

/** Counts what the mirror does in this process. An event costs an addition and nothing that has to be collected. */
export class MirrorCounters implements MirrorTelemetry {
  /** Grows with each event that was counted. */
  changes = 0;
  private readonly byUpstream: ReadonlyMap<string, UpstreamCounts>;

  /** Of upstreams that are not among these nothing is counted. */
  constructor(upstreams: readonly string[]) {
    this.byUpstream = new Map(upstreams.map((name) => [name, noCounts()]));
  }

  mirrorEvent(event: MirrorEvent): void {
    const counts = this.byUpstream.get(event.upstream);
    if (counts === undefined) return;
    this.changes += 1;
    switch (event.kind) {
      case 'hit':
        counts.hits[event.object === 'blob' ? 'blobs' : 'manifests'] += 1;
        counts.bytesSaved += event.bytes;
        break;
      case 'miss':
        counts.misses[event.object === 'blob' ? 'blobs' : 'manifests'] += 1;
        break;
      case 'fetched':
        counts.fetched[event.object === 'blob' ? 'blobs' : 'manifests'] += 1;
        break;
      case 'received':
        counts.bytesReceived += event.bytes;
        break;
      case 'stale':
        counts.stale += 1;
        break;
      case 'failed':
        if (isFailure(event.failure)) counts.failures[event.failure] += 1;
        break;
      case 'state':
        break;
    }
  }

  /** As it is now; it goes on changing. */
  get counts(): CountsByUpstream {
    return Object.fromEntries(this.byUpstream);
  }
}

function isFailure(text: string): text is UpstreamFailure {
  return (UPSTREAM_FAILURES as readonly string[]).includes(text);
}
