import type { Segment, SegmentSet, SegmentStore } from '../ports/storage-driver.js';
import type { Digester } from './digester.js';

/**
 * Streams a body into the set after what is recorded, as segments of at most `segmentBytes`, hashing on the
 * way. Yields after each what then holds everything. Holds no more of the body than the driver asks for.
 */
export async function* appendSegments(
  store: SegmentStore,
  segmentBytes: number,
  set: SegmentSet,
  recorded: readonly Segment[],
  body: AsyncIterable<Uint8Array>,
  digester: Digester,
): AsyncGenerator<readonly Segment[]> {
  const source = new Slices(body[Symbol.asyncIterator](), digester);
  let segments = recorded;
  while (await source.hasMore()) {
    segments = await store.append(set, segments, source.slice(segmentBytes));
    yield segments;
  }
}

class Slices {
  private pending: Uint8Array | undefined;

  constructor(
    private readonly source: AsyncIterator<Uint8Array>,
    private readonly digester: Digester,
  ) {}

  async hasMore(): Promise<boolean> {
    while (this.pending === undefined || this.pending.byteLength === 0) {
      const step = await this.source.next();
      if (step.done === true) return false;
      this.pending = step.value;
    }
    return true;
  }

  slice(limit: number): AsyncIterable<Uint8Array> {
    let left = limit;
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (left === 0 || !(await this.hasMore())) return { done: true, value: undefined };
      const chunk = this.take(left);
      left -= chunk.byteLength;
      this.digester.update(chunk);
      return { done: false, value: chunk };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  private take(limit: number): Uint8Array {
    const chunk = this.pending ?? new Uint8Array();
    this.pending = chunk.byteLength > limit ? chunk.subarray(limit) : undefined;
    return chunk.byteLength > limit ? chunk.subarray(0, limit) : chunk;
  }
}
