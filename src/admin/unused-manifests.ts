import type { Digest } from '../domain/digest.js';
import { catalogMarkerKey, layersPrefix, mirrorUseKey, revisionsPrefix } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { USE_NOTED_FOR } from '../mirror/mirror-uses.js';
import { undefinedIfAbsent } from '../ports/absence.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';
import { linkBatches } from './held-manifests.js';
import type { ListedLink } from './held-manifests.js';

const LANES = 8;
/** Manifests of one repository that are removed at once; more are left for the next time. */
const MOST_UNUSED = 50_000;

/** What of a repository was not asked for since a moment. */
export interface UnusedManifests {
  readonly digests: readonly Digest[];
  /** Whether nothing else is there. */
  readonly isAll: boolean;
}

/**
 * By the marks of `MirrorUses`, which may be a day older than the last use, and without a mark by when the manifest was
 * stored. One listing of links, and one request for each manifest that was stored before.
 * @throws StorageError where that is not known
 */
export async function unusedManifests(
  driver: StorageDriver,
  name: RepositoryName,
  /** Milliseconds since 1970. */
  before: number,
): Promise<UnusedManifests> {
  const digests: Digest[] = [];
  let held = 0;
  for await (const { links } of linkBatches(driver, revisionsPrefix(name))) {
    held += links.length;
    const old = links.filter(({ lastModified }) => lastModified.getTime() < before);
    const used = await mapBounded(old, LANES, (link) => lastUseOf(driver, name, link));
    digests.push(...old.filter((_, at) => (used[at] ?? 0) < before).map(({ digest }) => digest));
    if (digests.length > MOST_UNUSED) return { digests: digests.slice(0, MOST_UNUSED), isAll: false };
  }
  if (digests.length < held) return { digests, isAll: false };
  return { digests, isAll: await isRestOlder(driver, name, before) };
}

async function lastUseOf(
  driver: StorageDriver,
  name: RepositoryName,
  { digest, lastModified }: ListedLink,
): Promise<number> {
  const mark = await driver.stat(mirrorUseKey(name, digest), { fresh: true }).catch(undefinedIfAbsent);
  return mark === undefined ? lastModified.getTime() : mark.lastModified.getTime() + USE_NOTED_FOR;
}

/** What was stored since belongs to a pull that may go on. */
async function isRestOlder(driver: StorageDriver, name: RepositoryName, before: number): Promise<boolean> {
  for await (const { links } of linkBatches(driver, layersPrefix(name)))
    if (links.some(({ lastModified }) => lastModified.getTime() >= before)) return false;
  const marker = await driver.stat(catalogMarkerKey(name), { fresh: true }).catch(undefinedIfAbsent);
  return marker === undefined || marker.lastModified.getTime() < before;
}
