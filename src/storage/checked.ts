import type { Readable } from 'node:stream';
import type { Key } from '../domain/keys.js';
import type {
  Abortable,
  DeleteFailure,
  GetOptions,
  ListOptions,
  Listing,
  ObjectStat,
  PutOptions,
  PutVerifiedOptions,
  ReadOptions,
  Segment,
  SegmentSet,
  SegmentSetInfo,
  SegmentStore,
  StatOptions,
  StorageDriver,
} from '../ports/storage-driver.js';
import { requireKey, requireNumber, requirePrefix, requireSet } from '../ports/storage-requirements.js';
import { ErrorGuard } from './error-guard.js';

/**
 * The same driver behind a door: keys, prefixes, set names and numbers are checked before it sees them, a
 * `deleteMany` of any length is split, and any error that is neither a StorageError, nor the signal's reason, nor
 * thrown by the caller's own body becomes UNAVAILABLE naming driver and operation.
 */
export function checked(driver: StorageDriver): StorageDriver {
  return new CheckedDriver(driver);
}

class CheckedDriver implements StorageDriver {
  readonly name;
  readonly limits;
  readonly segments: SegmentStore;
  readonly legacy;
  private readonly guard: ErrorGuard;

  constructor(private readonly driver: StorageDriver) {
    this.name = driver.name;
    this.limits = driver.limits;
    this.legacy = driver.legacy;
    this.guard = new ErrorGuard(driver.name);
    this.segments = new CheckedSegments(driver.segments, this.guard);
  }

  async stat(key: Key, options: StatOptions = {}): Promise<ObjectStat> {
    requireKey(key);
    return this.guard.run('stat', options, () => this.driver.stat(key, options));
  }

  async get(key: Key, options: GetOptions = {}): Promise<{ stat: ObjectStat; body: Readable }> {
    requireKey(key);
    if (options.range !== undefined) {
      requireNumber('the start of a range', options.range.start, 0);
      requireNumber('the end of a range', options.range.end, options.range.start);
    }
    return this.guard.run('get', options, () => this.driver.get(key, options));
  }

  async read(key: Key, options: ReadOptions = {}): Promise<Buffer> {
    requireKey(key);
    return this.guard.run('read', options, () => this.driver.read(key, options));
  }

  async put(key: Key, bytes: Uint8Array, options: PutOptions = {}): Promise<ObjectStat> {
    requireKey(key);
    if (options.expiresAfter !== undefined) requireNumber('expiresAfter', options.expiresAfter, 1);
    return this.guard.run('put', options, () => this.driver.put(key, bytes, options));
  }

  async putVerified(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    options: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    requireKey(key);
    requireNumber('a size', options.size, 0);
    return this.guard.runWith('putVerified', options, body, (watched) =>
      this.driver.putVerified(key, watched, options),
    );
  }

  async isDamaged(key: Key): Promise<boolean> {
    requireKey(key);
    return this.guard.run('isDamaged', {}, () => this.driver.isDamaged(key));
  }

  async list(options: ListOptions): Promise<Listing> {
    requirePrefix(options.prefix);
    requireNumber('the limit of a listing', options.limit, 1);
    return this.guard.run('list', options, () => this.driver.list(options));
  }

  async delete(key: Key, options: Abortable = {}): Promise<void> {
    requireKey(key);
    return this.guard.run('delete', options, () => this.driver.delete(key, options));
  }

  async deleteMany(keys: readonly Key[], options: Abortable = {}): Promise<readonly DeleteFailure[]> {
    keys.forEach(requireKey);
    const { deleteBatch } = this.limits;
    const failures: DeleteFailure[] = [];
    for (let i = 0; i < keys.length; i += deleteBatch) {
      const batch = keys.slice(i, i + deleteBatch);
      const failed = await this.guard.run('deleteMany', options, () =>
        this.driver.deleteMany(batch, options),
      );
      failures.push(...failed);
    }
    return failures;
  }

  async signedUrl(key: Key, options: { method: 'GET' | 'HEAD'; expiresAt: Date }): Promise<URL | undefined> {
    requireKey(key);
    return this.guard.run('signedUrl', {}, () => this.driver.signedUrl(key, options));
  }

  close(): Promise<void> {
    return this.driver.close();
  }
}

class CheckedSegments implements SegmentStore {
  constructor(
    private readonly segments: SegmentStore,
    private readonly guard: ErrorGuard,
  ) {}

  async append(
    set: SegmentSet,
    recorded: readonly Segment[],
    body: AsyncIterable<Uint8Array>,
    options: Abortable = {},
  ): Promise<readonly Segment[]> {
    requireSet(set);
    return this.guard.runWith('segments.append', options, body, (watched) =>
      this.segments.append(set, recorded, watched, options),
    );
  }

  /** @throws StorageError INVALID_KEY at once */
  read(set: SegmentSet, segments: readonly Segment[], from = 0): Readable {
    requireSet(set);
    return this.segments.read(set, segments, from);
  }

  async commit(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    options: Abortable & { readonly replace?: boolean } = {},
  ): Promise<ObjectStat> {
    requireSet(set);
    requireKey(target);
    return this.guard.run('segments.commit', options, () =>
      this.segments.commit(set, segments, target, options),
    );
  }

  async remove(set: SegmentSet): Promise<void> {
    requireSet(set);
    return this.guard.run('segments.remove', {}, () => this.segments.remove(set));
  }

  async list(options: { startAfter?: SegmentSet; limit: number }): Promise<{
    sets: readonly SegmentSetInfo[];
    next?: SegmentSet;
  }> {
    requireNumber('the limit of a listing', options.limit, 1);
    return this.guard.run('segments.list', {}, () => this.segments.list(options));
  }
}
