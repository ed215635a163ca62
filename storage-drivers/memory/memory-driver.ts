import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { compareKeys, sortKeys } from '../../src/domain/key-order.js';
import { listedKey, type Key } from '../../src/domain/keys.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import {
  StorageError,
  isStorageError,
  type Abortable,
  type DeleteFailure,
  type GetOptions,
  type ListOptions,
  type ListedObject,
  type Listing,
  type ObjectStat,
  type PutOptions,
  type PutVerifiedOptions,
  type ReadOptions,
  type StorageDriver,
} from '../../src/ports/storage-driver.js';
import { abortable } from '../abortable.js';
import { BufferBody } from '../buffer-body.js';
import { boundsOf, requireKey, requirePrefix } from '../../src/ports/storage-requirements.js';
import { destroyOn } from '../stream-signal.js';
import { MemorySegments } from './memory-segments.js';

const MIB = 1024 * 1024;

export interface MemoryDriverOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Bytes one segment or one putVerified takes; 32 MiB by default. */
  readonly segmentBytes?: number;
  /** A last segment shorter than this is joined with what is appended to it; 1 MiB by default. */
  readonly joinBelow?: number;
  /** As in `limits`; 0 by default. */
  readonly inlineBytes?: number;
}

/** An object store in this process: nothing survives it, `expiresAfter` is ignored. */
export function createMemoryDriver(options: MemoryDriverOptions): StorageDriver {
  return new MemoryDriver(options);
}

/** Several parts, so that a commit moves no bytes. */
export interface MemoryObject {
  readonly parts: readonly Uint8Array[];
  readonly size: number;
  readonly lastModified: Date;
}

class MemoryDriver implements StorageDriver {
  readonly name = 'memory';
  readonly limits;
  readonly segments;
  private readonly clock: Clock;
  private readonly objects = new Map<Key, MemoryObject>();
  private sorted: string[] | undefined;

  constructor({
    clock,
    ids,
    segmentBytes = 32 * MIB,
    joinBelow = MIB,
    inlineBytes = 0,
  }: MemoryDriverOptions) {
    this.clock = clock;
    this.limits = { segmentBytes, deleteBatch: 1000, inlineBytes };
    const store = (key: Key, parts: readonly Uint8Array[], replace: boolean): ObjectStat =>
      this.store(key, parts, replace);
    const exists = (key: Key): boolean => this.objects.has(key);
    this.segments = new MemorySegments({ clock, ids, segmentBytes, joinBelow, store, exists });
  }

  async stat(key: Key, options: ReadOptions = {}): Promise<ObjectStat> {
    options.signal?.throwIfAborted();
    const { size, lastModified } = this.object(key);
    return { size, lastModified };
  }

  async get(key: Key, options: GetOptions = {}): Promise<{ stat: ObjectStat; body: Readable }> {
    options.signal?.throwIfAborted();
    const { parts, size, lastModified } = this.object(key);
    const { start, end } = boundsOf(key, options.range, size);
    const body = new BufferBody(slice(parts, start, end));
    destroyOn(options.signal, body);
    return { stat: { size, lastModified }, body };
  }

  async read(key: Key, options: ReadOptions = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    return Buffer.concat(this.object(key).parts);
  }

  async put(key: Key, bytes: Uint8Array, options: PutOptions = {}): Promise<ObjectStat> {
    options.signal?.throwIfAborted();
    return this.store(key, [Buffer.from(bytes)], options.ifAbsent !== true);
  }

  async putVerified(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    options: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    requireKey(key);
    if (options.size > this.limits.segmentBytes) {
      throw new StorageError('RANGE', `${key}: one request takes at most ${this.limits.segmentBytes} bytes`);
    }
    const hash = createHash('sha256');
    const parts: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of abortable(body, options.signal)) {
      received += chunk.length;
      if (received > options.size) break;
      hash.update(chunk);
      parts.push(chunk);
    }
    if (received !== options.size || hash.digest('hex') !== options.digest.hex) {
      throw new StorageError('MISMATCH', `${key}: the body does not have the announced size and digest`);
    }
    return this.store(key, parts, options.replace === true);
  }

  /** An object is one piece here. */
  async isDamaged(): Promise<boolean> {
    return false;
  }

  async list(options: ListOptions): Promise<Listing> {
    options.signal?.throwIfAborted();
    const { prefix, delimiter, startAfter = '', limit } = options;
    requirePrefix(prefix);
    const objects: ListedObject[] = [];
    const prefixes: string[] = [];
    let last = '';
    for (const text of this.from(compareKeys(startAfter, prefix) > 0 ? startAfter : prefix)) {
      if (!text.startsWith(prefix)) break;
      const cut = delimiter === undefined ? -1 : text.indexOf(delimiter, prefix.length);
      const entry = cut < 0 ? text : text.slice(0, cut + 1);
      if (entry === last || compareKeys(entry, startAfter) <= 0) continue;
      if (objects.length + prefixes.length === limit) return { objects, prefixes, next: last };
      last = entry;
      if (cut >= 0) prefixes.push(entry);
      else {
        const { size, lastModified } = this.object(text);
        objects.push({ key: listedKey(text), size, lastModified });
      }
    }
    return { objects, prefixes };
  }

  async delete(key: Key, options: Abortable = {}): Promise<void> {
    options.signal?.throwIfAborted();
    requireKey(key);
    if (this.objects.delete(key)) this.sorted = undefined;
  }

  async deleteMany(keys: readonly Key[], options: Abortable = {}): Promise<readonly DeleteFailure[]> {
    const failures: DeleteFailure[] = [];
    for (const key of keys) {
      try {
        await this.delete(key, options);
      } catch (error) {
        if (!isStorageError(error)) throw error;
        failures.push({ key, error });
      }
    }
    return failures;
  }

  async signedUrl(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    this.objects.clear();
    this.sorted = undefined;
  }

  private object(key: string): MemoryObject {
    requireKey(key);
    const found = this.objects.get(listedKey(key));
    if (found === undefined) throw new StorageError('NOT_FOUND', `${key} does not exist`);
    return found;
  }

  private store(key: Key, parts: readonly Uint8Array[], replace: boolean): ObjectStat {
    requireKey(key);
    const present = this.objects.has(key);
    if (present && !replace) throw new StorageError('EXISTS', `${key} exists`);
    if (!present) this.sorted = undefined;
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const lastModified = new Date(this.clock.now());
    this.objects.set(key, { parts, size, lastModified });
    return { size, lastModified };
  }

  /** The keys at or after `text`, in order. */
  private *from(text: string): Generator<string> {
    this.sorted ??= sortKeys([...this.objects.keys()]);
    const keys = this.sorted;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(keys[middle] ?? '', text) < 0) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < keys.length; i++) yield keys[i] ?? '';
  }
}

function slice(parts: readonly Uint8Array[], start: number, end: number): Uint8Array[] {
  const chosen: Uint8Array[] = [];
  let offset = 0;
  for (const part of parts) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, part.length);
    if (from < to) chosen.push(part.subarray(from, to));
    offset += part.length;
  }
  return chosen;
}
