import type { FetchParts } from './fetch-parts.js';
import type { GrowingBlob } from './growing-blob.js';

/** Milliseconds. */
const MOST_PATIENCE = 1000;

/**
 * Gives the bytes to those who read the blob, too. While somebody keeps up it is not run away from: a reader that lost
 * touch waits until what it wants can be read from the store.
 */
export async function* paced(
  bytes: AsyncIterable<Buffer>,
  blob: GrowingBlob,
  { clock, limits }: Pick<FetchParts, 'clock' | 'limits'>,
): AsyncGenerator<Buffer, void, void> {
  let patience = 0;
  for await (const chunk of bytes) {
    blob.push(chunk);
    yield chunk;
    patience = Math.min(patience + chunk.byteLength / limits.leastPace, MOST_PATIENCE);
    while (patience >= 1 && blob.unread > limits.windowBytes / 2) {
      const since = clock.now();
      await blob.progress(patience);
      patience -= clock.now() - since;
    }
  }
}
