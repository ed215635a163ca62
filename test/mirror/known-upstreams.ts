import { readUpstreams } from '../../src/composition/upstreams.js';
import type { Upstream } from '../../src/mirror/upstream/upstream.js';
import { load } from '../config/load.js';

/** Upstreams as they are configured by their names alone. */
export function upstreamsCalled(...names: readonly string[]): readonly Upstream[] {
  return readUpstreams(load({ env: { STACKYARD_MIRROR_UPSTREAMS: names.join(',') } }));
}
