import type { Digest } from '../../domain/digest.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import type { Clock } from '../../ports/clock.js';
import { isStorageError } from '../../ports/storage-driver.js';
import type { FetchParts } from './fetch-parts.js';
import type { FetchRecord } from './fetch-records.js';
import type { GrowingBlob } from './growing-blob.js';

export interface Followed {
  readonly name: RepositoryName;
  readonly digest: Digest;
  /** As it was seen first. */
  readonly record: FetchRecord;
  /** Called once the size is known. */
  readonly grow: (size: number) => GrowingBlob;
  readonly signal: AbortSignal;
}

/** What became of an attempt: its bytes are stored, are not, or it shows no sign of life any more. */
export type FollowedEnd = 'stored' | 'failed' | 'silent';

/**
 * Lets a blob that another process takes grow here as it does there, until that is over. What cannot be seen now is no
 * sign. @throws the signal's reason
 */
export async function followFetch(
  parts: FetchParts,
  { name, digest, record, grow, signal }: Followed,
): Promise<FollowedEnd> {
  const { driver, clock, limits } = parts;
  let known = record;
  let changedAt = clock.now();
  let blob: GrowingBlob | undefined;
  let shown: FetchRecord['segments'] = [];
  for (;;) {
    const { size, set, segments } = known;
    if (size !== undefined) blob ??= grow(size);
    if (set !== undefined && segments.length > 0 && segments !== shown) {
      const bytes = segments.reduce((sum, segment) => sum + segment.size, 0);
      blob?.store({ bytes, open: (from) => Promise.resolve(driver.segments.read(set, segments, from)) });
      shown = segments;
    }
    await pause(clock, limits.lookEvery, signal);
    const seen = await look(parts, name, digest);
    if (seen !== 'unseen' && seen?.id !== known.id) return 'failed';
    if (seen !== 'unseen' && seen?.ended !== undefined) return seen.ended;
    if (seen !== 'unseen' && seen !== undefined && seen.beat !== known.beat) {
      changedAt = clock.now();
      known = seen;
    } else if (clock.now() - changedAt > limits.deadAfter) return 'silent';
  }
}

async function look(
  { records }: FetchParts,
  name: RepositoryName,
  digest: Digest,
): Promise<FetchRecord | undefined | 'unseen'> {
  try {
    return await records.read(name, digest);
  } catch (error) {
    if (isStorageError(error)) return 'unseen';
    throw error;
  }
}

function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = clock.every(milliseconds, () => end(resolve));
    const aborted = (): void => end(() => reject(signal.reason as Error));
    const end = (settle: () => void): void => {
      stop();
      signal.removeEventListener('abort', aborted);
      settle();
    };
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted);
  });
}
