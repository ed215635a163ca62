import type { Segment, SegmentSet, SegmentStore } from '../ports/storage-driver.js';
import type { Digester } from './digester.js';

/** Milliseconds; stores give up on a body that pauses for longer (Swift after 60 s). */
const LONGEST_PAUSE = 20_000;

/**
 * Streams a body into the set after what is recorded, as segments of at most `segmentBytes`, hashing on the
 * way. A segment ends too where the body pauses, so that a slow sender keeps no store waiting. Yields after each what
 * then holds everything. Holds no more of the body than the driver asks for.
 */
export async function* appendSegments(
  store: SegmentStore,
  segmentBytes: number,
  set: SegmentSet,
  recorded: readonly Segment[],
  body: AsyncIterable<Uint8Array>,
  digester: Digester,
  longestPause = LONGEST_PAUSE,
): AsyncGenerator<readonly Segment[]> {
  const source = new Slices(body[Symbol.asyncIterator](), digester, longestPause);
  let segments = recorded;
  while (await source.hasMore()) {
    segments = await store.append(set, segments, source.slice(segmentBytes));
    yield segments;
  }
}

class Slices {
  private pending: Uint8Array | undefined;
  /** The source was asked and has not answered yet. */
  private asked: Promise<IteratorResult<Uint8Array>> | undefined;

  constructor(
    private readonly source: AsyncIterator<Uint8Array>,
    private readonly digester: Digester,
    private readonly longestPause: number,
  ) {}

  async hasMore(): Promise<boolean> {
    return (await this.more()) === 'more';
  }

  private async more(pause?: number): Promise<'more' | 'end' | 'pause'> {
    while (this.pending === undefined || this.pending.byteLength === 0) {
      this.asked ??= this.source.next();
      const step = pause === undefined ? await this.asked : await within(pause, this.asked);
      if (step === undefined) return 'pause';
      this.asked = undefined;
      if (step.done === true) return 'end';
      this.pending = step.value;
    }
    return 'more';
  }

  slice(limit: number): AsyncIterable<Uint8Array> {
    let left = limit;
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      // A segment has at least a byte, however long that is on its way.
      const pause = left < limit ? this.longestPause : undefined;
      if (left === 0 || (await this.more(pause)) !== 'more') return { done: true, value: undefined };
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

/** Undefined where the promise is not settled in time. */
function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
