import { MIRROR_USES_PREFIX, digestOfKey, revisionLinkKey, unflatName } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import { parseRepositoryName } from '../domain/repository-name.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { surely, undefinedIfAbsent } from '../ports/absence.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';

const LANES = 8;
const PAGE = 1000;
/** A mark may be there a moment before its manifest. Milliseconds. */
const YOUNG = 60 * 60 * 1000;

/**
 * Removes the marks of manifests that their repositories do not hold any more, of the repositories that are asked for.
 * One listing for a thousand marks, and one request for each. @throws StorageError; the signal's reason
 */
export async function forgetUses(
  driver: StorageDriver,
  now: number,
  isAskedFor: (name: RepositoryName) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  let startAfter: string | undefined;
  do {
    signal?.throwIfAborted();
    const listing = await driver.list({
      prefix: MIRROR_USES_PREFIX,
      limit: Math.min(PAGE, driver.limits.deleteBatch),
      ...(startAfter !== undefined && { startAfter }),
    });
    const old = listing.objects.filter(({ lastModified }) => lastModified.getTime() < now - YOUNG);
    const gone = await mapBounded(old, LANES, async ({ key }) => {
      const name = nameOf(key);
      if (!isAskedFor(name)) return undefined;
      const link = revisionLinkKey(name, digestOfKey(key));
      const stat = await surely((options) => driver.stat(link, options)).catch(undefinedIfAbsent);
      return stat === undefined ? key : undefined;
    });
    const keys = gone.filter((key) => key !== undefined);
    const [failure] = keys.length === 0 ? [] : await driver.deleteMany(keys);
    if (failure !== undefined) throw failure.error;
    startAfter = listing.next;
  } while (startAfter !== undefined);
}

/** @throws InvalidValue */
function nameOf(key: Key): RepositoryName {
  return parseRepositoryName(unflatName(key.slice(MIRROR_USES_PREFIX.length).split('/', 1)[0] ?? ''));
}
