import { Readable } from 'node:stream';
import { compareKeys, sortKeys } from '../../src/domain/key-order.js';
import type { Key } from '../../src/domain/keys.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import {
  StorageError,
  type Abortable,
  type ObjectStat,
  type Segment,
  type SegmentSet,
  type SegmentSetInfo,
  type SegmentStore,
} from '../../src/ports/storage-driver.js';
import { abortable } from '../abortable.js';
import { BufferBody } from '../buffer-body.js';
import { requireKey, requireSet } from '../../src/ports/storage-requirements.js';

export interface MemorySegmentsOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly segmentBytes: number;
  readonly joinBelow: number;
  /** Makes an object of the parts. @throws StorageError EXISTS unless `replace` */
  store(key: Key, parts: readonly Uint8Array[], replace: boolean): ObjectStat;
  exists(key: Key): boolean;
}

interface Held extends Segment {
  readonly bytes: Uint8Array;
  readonly lastModified: Date;
}

/** As an object store has them: every append makes a fresh object, and only `remove` deletes any. */
export class MemorySegments implements SegmentStore {
  private readonly sets = new Map<SegmentSet, Map<string, Held>>();

  constructor(private readonly options: MemorySegmentsOptions) {}

  async append(
    set: SegmentSet,
    recorded: readonly Segment[],
    body: AsyncIterable<Uint8Array>,
    { signal }: Abortable = {},
  ): Promise<readonly Segment[]> {
    requireSet(set);
    signal?.throwIfAborted();
    const held = recorded.map((segment) => this.held(set, segment));
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of abortable(body, signal)) {
      size += chunk.length;
      if (size > this.options.segmentBytes) {
        throw new StorageError('RANGE', `a segment takes at most ${this.options.segmentBytes} bytes`);
      }
      chunks.push(chunk);
    }
    if (size === 0) return recorded;
    const last = held.at(-1);
    const joined = last !== undefined && last.size < this.options.joinBelow;
    if (joined) chunks.unshift(last.bytes);
    const fresh = this.hold(set, Buffer.concat(chunks));
    return [...recorded.slice(0, joined ? -1 : undefined), fresh];
  }

  read(set: SegmentSet, segments: readonly Segment[], from = 0): Readable {
    requireSet(set);
    try {
      let skip = from;
      const parts = segments.map((segment) => {
        const { bytes } = this.held(set, segment);
        const start = Math.min(skip, bytes.byteLength);
        skip -= start;
        return bytes.subarray(start);
      });
      return new BufferBody(parts.filter(({ byteLength }) => byteLength > 0));
    } catch (error) {
      return failing(error as Error);
    }
  }

  async commit(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    options: Abortable & { readonly replace?: boolean } = {},
  ): Promise<ObjectStat> {
    requireSet(set);
    requireKey(target);
    options.signal?.throwIfAborted();
    if (options.replace !== true && this.options.exists(target)) {
      throw new StorageError('EXISTS', `${target} exists`);
    }
    const parts = segments.map((segment) => this.held(set, segment, 'MISMATCH').bytes);
    return this.options.store(target, parts, options.replace === true);
  }

  async remove(set: SegmentSet): Promise<void> {
    requireSet(set);
    this.sets.delete(set);
  }

  async list({ startAfter = '', limit }: { startAfter?: SegmentSet; limit: number }): Promise<{
    sets: readonly SegmentSetInfo[];
    next?: SegmentSet;
  }> {
    const names = sortKeys([...this.sets.keys()]).filter((set) => compareKeys(set, startAfter) > 0);
    const sets = names.slice(0, limit).map((set) => this.info(set));
    const next = names.length > limit ? sets.at(-1)?.set : undefined;
    return next === undefined ? { sets } : { sets, next };
  }

  private info(set: SegmentSet): SegmentSetInfo {
    const held = [...(this.sets.get(set)?.values() ?? [])];
    return {
      set,
      lastModified: new Date(Math.max(0, ...held.map((segment) => segment.lastModified.getTime()))),
      size: held.reduce((sum, segment) => sum + segment.size, 0),
    };
  }

  private hold(set: SegmentSet, bytes: Uint8Array): Segment {
    const segment = { name: this.options.ids.unique(), size: bytes.length, etag: this.options.ids.unique() };
    const held = this.sets.get(set) ?? new Map<string, Held>();
    held.set(segment.name, { ...segment, bytes, lastModified: new Date(this.options.clock.now()) });
    this.sets.set(set, held);
    return segment;
  }

  private held(set: SegmentSet, segment: Segment, code: 'NOT_FOUND' | 'MISMATCH' = 'NOT_FOUND'): Held {
    const found = this.sets.get(set)?.get(segment.name);
    if (found?.size === segment.size && found.etag === segment.etag) return found;
    throw new StorageError(code, `segment ${segment.name} of ${set} is gone or differs`);
  }
}

/** Fails when it is read: before that nobody may listen yet. */
function failing(error: Error): Readable {
  return new Readable({
    read() {
      this.destroy(error);
    },
  });
}
