import assert from 'node:assert/strict';
import { MirrorCounters, noCounts, sumOf } from '../../src/mirror/mirror-counters.js';
import type { MirrorEvent } from '../../src/ports/mirror-telemetry.js';

const TAKEN = { object: 'blob', repository: 'mirror/a/b', digest: 'sha256:0', bytes: 7 } as const;
const EVENTS: readonly MirrorEvent[] = [
  { upstream: 'a', kind: 'hit', object: 'blob', bytes: 100 },
  { upstream: 'a', kind: 'hit', object: 'manifest', bytes: 20 },
  { upstream: 'a', kind: 'hit', object: 'manifest', bytes: 3 },
  { upstream: 'a', kind: 'miss', object: 'blob' },
  { upstream: 'a', kind: 'miss', object: 'manifest' },
  { upstream: 'a', kind: 'fetched', ...TAKEN },
  { upstream: 'a', kind: 'fetched', ...TAKEN, object: 'manifest' },
  { upstream: 'a', kind: 'received', bytes: 1000 },
  { upstream: 'a', kind: 'stale', repository: 'mirror/a/b', tag: '1', reason: 'away' },
  { upstream: 'a', kind: 'failed', failure: 'limited', reason: '429' },
  { upstream: 'a', kind: 'failed', failure: 'toString', reason: 'none of ours' },
  { upstream: 'a', kind: 'state', state: 'down' },
  { upstream: 'b', kind: 'received', bytes: 1 },
  { upstream: 'unknown', kind: 'received', bytes: 1 },
];
const OF_A = {
  hits: { manifests: 2, blobs: 1 },
  misses: { manifests: 1, blobs: 1 },
  fetched: { manifests: 1, blobs: 1 },
  bytesSaved: 123,
  bytesReceived: 1000,
  stale: 1,
  failures: { ...noCounts().failures, limited: 1 },
};

describe('mirror/mirror-counters', () => {
  it('counts what is told, for each of the upstreams and no other', () => {
    const counters = new MirrorCounters(['a', 'b']);
    for (const event of EVENTS) counters.mirrorEvent(event);
    assert.deepEqual(counters.counts, { a: OF_A, b: { ...noCounts(), bytesReceived: 1 } });
    assert.equal(counters.changes, EVENTS.length - 1);
  });

  it('adds up', () => {
    const sum = sumOf([OF_A, undefined, OF_A, noCounts()]);
    assert.deepEqual(sum.hits, { manifests: 4, blobs: 2 });
    assert.deepEqual([sum.bytesSaved, sum.bytesReceived, sum.stale, sum.failures.limited], [246, 2000, 2, 2]);
    assert.deepEqual(OF_A.hits, { manifests: 2, blobs: 1 });
  });
});
