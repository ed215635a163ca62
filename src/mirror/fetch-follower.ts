import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { FetchParts } from './fetch-parts.js';
import type { FetchRecord } from './fetch-records.js';
import type { GrowingBlob } from './growing-blob.js';

/**
 * Lets a blob that another process takes grow here as it does there. Resolves once that is over, one way or the other:
 * with the attempt that showed no sign of life any more, or undefined where it ended by itself. @throws StorageError; the signal's reason
 */
export async function followFetch(
  { records, driver, clock, limits }: FetchParts,
  name: RepositoryName,
  digest: Digest,
  blob: GrowingBlob,
  record: FetchRecord,
  signal: AbortSignal,
): Promise<string | undefined> {
  let known = record;
  let changedAt = clock.now();
  for (;;) {
    const { set, segments } = known;
    const bytes = segments.reduce((sum, segment) => sum + segment.size, 0);
    if (set !== undefined && bytes > 0)
      blob.store({ bytes, open: (from) => Promise.resolve(driver.segments.read(set, segments, from)) });
    do {
      await pause(clock, limits.lookEvery, signal);
      const next = await records.read(name, digest);
      if (next?.id !== known.id) return undefined;
      if (next.beat !== known.beat) {
        changedAt = clock.now();
        known = next;
      } else if (clock.now() - changedAt > limits.deadAfter) return known.id;
    } while (known.segments === segments);
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
