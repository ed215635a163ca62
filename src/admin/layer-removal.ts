import type { Digest } from '../domain/digest.js';
import { blobDataKey, layerLinkKey, layersPrefix } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { undefinedIfAbsent } from '../ports/absence.js';
import { mapBounded } from '../registry/bounded.js';
import { readLink } from '../registry/link.js';
import { linkBatches, neededBlobs, olderThan } from './held-manifests.js';
import type { HoldingParts } from './held-manifests.js';
import { removedNow } from './readable-manifest.js';

const LANES = 8;

/**
 * Unlinks the blobs that no manifest of the repository needs, of those that were linked before a moment (milliseconds
 * since 1970; without it of all). Answers how many distinct ones. @throws StorageError
 */
export async function removeUnneededLayers(
  parts: HoldingParts,
  name: RepositoryName,
  before = Number.POSITIVE_INFINITY,
): Promise<number> {
  let count = 0;
  for await (const { links } of linkBatches(parts.driver, layersPrefix(name)))
    count += await removeUnneeded(parts, name, olderThan(before, links));
  return count;
}

/** What a manifest that was pushed meanwhile needs is linked again. */
async function removeUnneeded(
  parts: HoldingParts,
  name: RepositoryName,
  batch: readonly Digest[],
): Promise<number> {
  const needed = await neededBlobs(parts, name, batch);
  const doomed = batch.filter((digest) => !needed.has(digest.toString()));
  const links = await mapBounded(doomed, LANES, (digest) => storedAs(parts, name, digest));
  const removed = await mapBounded(doomed, LANES, (digest) =>
    removedNow(parts.registry.blobs.delete(name, digest)),
  );
  const missed = await neededBlobs(parts, name, doomed);
  let count = 0;
  await mapBounded([...doomed.entries()], LANES, async ([at, digest]) => {
    const stored = links[at];
    if (removed[at] !== true || stored === undefined) return;
    if (missed.has(digest.toString())) await restore(parts, name, digest, stored);
    // Under another digest the same blob is linked once more.
    else if (stored.equals(digest)) count += 1;
  });
  return count;
}

/** The sha256 that the link holds; undefined where it is gone. */
async function storedAs(
  { driver }: HoldingParts,
  name: RepositoryName,
  digest: Digest,
): Promise<Digest | undefined> {
  if (digest.algorithm === 'sha256') return digest;
  return readLink(driver, layerLinkKey(name, digest), { fresh: true }).catch(undefinedIfAbsent);
}

async function restore(
  { driver, registry }: HoldingParts,
  name: RepositoryName,
  digest: Digest,
  stored: Digest,
): Promise<void> {
  const stat = await driver.stat(blobDataKey(stored), { fresh: true }).catch(undefinedIfAbsent);
  if (stat !== undefined) await registry.blobs.link(name, digest, { stored, size: stat.size });
}
