import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { blobDigestOfKey, segmentOwnerKey } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import type { Ids } from '../../src/ports/ids.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type {
  Abortable,
  ObjectStat,
  Segment,
  SegmentSet,
  SegmentSetInfo,
  SegmentStore,
} from '../../src/ports/storage-driver.js';
import { requireKey, requireSet } from '../../src/ports/storage-requirements.js';
import { abortable } from '../abortable.js';
import type { ContainerListing } from './container-listing.js';
import { HeldBody } from '../../src/ports/held-body.js';
import type { ObjectNames } from './object-names.js';
import type { ObjectEraser } from './object-eraser.js';
import type { ObjectReader } from './object-reader.js';
import type { ObjectWriter } from './object-writer.js';
import { nested } from './slo-nesting.js';
import { partOf } from './slo-store.js';
import type { SloStore } from './slo-store.js';
import type { SwiftInfo } from './swift-info.js';

/**
 * Swift slows reads of large objects down whose segments are shorter: what follows one is joined with it, into one that
 * is longer than it would be by less than this.
 */
export const SHORT_BYTES = 1024 * 1024;
const SEGMENT_NAME = /^[a-z0-9-]{1,100}$/;

export interface SwiftSegmentsParts {
  readonly names: ObjectNames;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly eraser: ObjectEraser;
  readonly slos: SloStore;
  readonly listing: ContainerListing;
  readonly ids: Ids;
  /** A time of Swift's by our clock, which the purge goes by. */
  ourTime(swifts: Date): Date;
  /** Waits for the container. */
  ready(signal?: AbortSignal): Promise<SwiftInfo>;
}

/** Segments are objects; a commit makes them a static large object. Only `remove` deletes any. */
export class SwiftSegments implements SegmentStore {
  constructor(private readonly parts: SwiftSegmentsParts) {}

  async append(
    set: SegmentSet,
    recorded: readonly Segment[],
    body: AsyncIterable<Uint8Array>,
    { signal }: Abortable = {},
  ): Promise<readonly Segment[]> {
    requireSet(set);
    await this.parts.ready(signal);
    const held = new HeldBody(abortable(body, signal)[Symbol.asyncIterator]());
    await held.fill(1);
    if (held.size === 0) return recorded;
    const last = recorded.at(-1);
    const joined = last !== undefined && last.size < SHORT_BYTES;
    if (joined) held.prepend(await this.bytesOf(set, last));
    const name = this.parts.ids.unique();
    const { size, etag } = await this.parts.writer.putStream(
      this.parts.names.segment(set, name),
      held,
      signal,
    );
    return [...recorded.slice(0, joined ? -1 : undefined), { name, size, etag }];
  }

  read(set: SegmentSet, segments: readonly Segment[], from = 0): Readable {
    requireSet(set);
    return Readable.from(this.bytes(set, segments, from), { objectMode: false });
  }

  async commit(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    { replace = false, signal }: Abortable & { readonly replace?: boolean } = {},
  ): Promise<ObjectStat> {
    requireSet(set);
    requireKey(target);
    const { sloParts } = await this.parts.ready(signal);
    const object = this.parts.names.of(target);
    if (segments.length === 0)
      return this.parts.writer.put(object, new Uint8Array(), { ifAbsent: !replace, signal });
    const foreign = segments.find(({ name }) => !SEGMENT_NAME.test(name));
    if (foreign !== undefined)
      throw new StorageError('MISMATCH', `a segment of ${set} has no segment's name`);
    await this.own(set, target, signal);
    const leaves = segments.map((segment) => partOf(this.parts.names.segment(set, segment.name), segment));
    const parts = await nested(this.parts.slos, leaves, {
      limit: sloParts,
      name: () => this.parts.names.segment(set, this.parts.ids.unique()),
      signal,
    });
    const lastModified = await this.parts.slos.put({ object, parts, replace, signal });
    return { size: segments.reduce((sum, { size }) => sum + size, 0), lastModified };
  }

  /** What no manifest of the set's owner records names is deleted, then the records that name nothing in the set. */
  async remove(set: SegmentSet): Promise<void> {
    requireSet(set);
    const { bulkDeletes } = await this.parts.ready();
    const { names, listing, slos, reader, eraser } = this.parts;
    const prefix = names.segment(set, '');
    const kept = new Set<string>();
    const idle: string[] = [];
    for await (const { name: record } of listing.all(names.of(segmentOwnerKey(set, '')))) {
      const target = await reader.read(record, { fresh: true });
      const tree = await slos.treeOf(names.of(target.toString()));
      const own = tree.filter(({ object }) => object.startsWith(prefix));
      for (const { object } of own) kept.add(object);
      if (own.length === 0) idle.push(record);
    }
    const dead: string[] = [];
    for await (const { name } of listing.all(prefix)) if (!kept.has(name)) dead.push(name);
    for (const objects of [dead, idle]) {
      const [failure] = await eraser.deleteMany(objects, bulkDeletes);
      if (failure !== undefined) throw failure.error;
    }
  }

  async list({ startAfter, limit }: { startAfter?: SegmentSet; limit: number }): Promise<{
    sets: readonly SegmentSetInfo[];
    next?: SegmentSet;
  }> {
    const { listing, names } = this.parts;
    const sets: SegmentSetInfo[] = [];
    // `/` and all that follows it in the set sort before what `0` begins.
    const marker = startAfter === undefined ? undefined : `${names.segments}${startAfter}0`;
    for await (const { name, size, lastModified } of listing.all(names.segments, marker)) {
      const changedAt = this.parts.ourTime(lastModified);
      const set = name.slice(names.segments.length).split('/', 1)[0] ?? '';
      const last = sets.at(-1);
      if (last?.set === set) {
        const newest = last.lastModified > changedAt ? last.lastModified : changedAt;
        sets[sets.length - 1] = { set, lastModified: newest, size: last.size + size };
        continue;
      }
      if (sets.length === limit) return { sets, next: last?.set ?? set };
      sets.push({ set, lastModified: changedAt, size });
    }
    return { sets };
  }

  /** Says which objects of the set are needed, before they are. */
  private async own(set: SegmentSet, target: Key, signal: AbortSignal | undefined): Promise<void> {
    const name = blobDigestOfKey(target)?.hex ?? createHash('sha256').update(target).digest('hex');
    const record = segmentOwnerKey(set, name);
    await this.parts.writer.put(this.parts.names.of(record), Buffer.from(target), { signal });
  }

  /** Of the first segment that is needed all is read, for its etag to be checked. */
  private async *bytes(
    set: SegmentSet,
    segments: readonly Segment[],
    from: number,
  ): AsyncGenerator<Buffer, void, void> {
    await this.parts.ready();
    let skip = from;
    for (const segment of segments) {
      if (skip >= segment.size) skip -= segment.size;
      else {
        for await (const chunk of await this.open(set, segment)) {
          const passed = Math.min(skip, chunk.byteLength);
          skip -= passed;
          if (passed < chunk.byteLength) yield chunk.subarray(passed);
        }
      }
    }
  }

  private async bytesOf(set: SegmentSet, segment: Segment): Promise<Buffer> {
    return this.parts.reader.readExactly(this.objectOf(set, segment), segment.size, segment.etag);
  }

  private async open(set: SegmentSet, segment: Segment): Promise<AsyncIterable<Buffer>> {
    return this.parts.reader.openExactly(this.objectOf(set, segment), segment.size, segment.etag);
  }

  /** @throws StorageError NOT_FOUND for what no segment is called */
  private objectOf(set: SegmentSet, { name }: Segment): string {
    if (!SEGMENT_NAME.test(name))
      throw new StorageError('NOT_FOUND', `a segment of ${set} has no segment's name`);
    return this.parts.names.segment(set, name);
  }
}
