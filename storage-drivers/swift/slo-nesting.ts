import { sloEtag } from './slo.js';
import type { SloPart } from './slo.js';
import type { SloStore } from './slo-store.js';

export interface Nesting {
  /** The most parts of one manifest. */
  readonly limit: number;
  /** A fresh name for a manifest between the target and its parts. */
  readonly name: () => string;
  readonly signal?: AbortSignal | undefined;
}

/** The same bytes in at most `limit` parts: what is above is put into manifests of its own, level above level. */
export async function nested(
  slos: SloStore,
  parts: readonly SloPart[],
  { limit, name, signal }: Nesting,
): Promise<readonly SloPart[]> {
  if (parts.length <= limit) return parts;
  const manifests: SloPart[] = [];
  for (let start = 0; start < parts.length; start += limit) {
    const batch = parts.slice(start, start + limit);
    const object = name();
    await slos.put({ object, parts: batch, replace: true, signal });
    const size = batch.reduce((sum, part) => sum + part.size, 0);
    manifests.push({ object, etag: sloEtag(batch), size, isManifest: true });
  }
  return nested(slos, manifests, { limit, name, signal });
}
