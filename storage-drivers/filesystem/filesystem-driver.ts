import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { KEY_ROOTS, isPrivateKey, type Key } from '../../src/domain/keys.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import {
  StorageError,
  isStorageError,
  type Abortable,
  type DeleteFailure,
  type GetOptions,
  type ListOptions,
  type Listing,
  type ObjectStat,
  type PutOptions,
  type PutVerifiedOptions,
  type ReadOptions,
  type StorageDriver,
} from '../../src/ports/storage-driver.js';
import { abortable } from '../abortable.js';
import { boundsOf, requireKey, requirePrefix } from '../../src/ports/storage-requirements.js';
import { destroyOn } from '../stream-signal.js';
import { prune, syncDirectory } from './directories.js';
import { stat, unlink } from './disk.js';
import { hasErrno, ifAbsent, orOutage, outage, readFailure, tidy } from './errno.js';
import { bodyOf, openFile, readWhole, statOf } from './file-reading.js';
import { listDirectory } from './listing.js';
import { RootWatch } from './root-watch.js';
import { SegmentFiles } from './segment-files.js';
import { TempFile } from './temp-file.js';

export interface FilesystemDriverOptions {
  /** The directory that holds everything; distribution's `rootdirectory`. Made by the first write. */
  readonly root: string;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * Keys are paths below the root, as CNCF distribution's filesystem driver has them. Any number of processes may
 * share a root: nothing rests on a lock. `expiresAfter` is ignored.
 */
export function createFilesystemDriver(options: FilesystemDriverOptions): StorageDriver {
  return new FilesystemDriver(options);
}

class FilesystemDriver implements StorageDriver {
  readonly name = 'filesystem';
  readonly limits = { segmentBytes: 256 * 1024 * 1024, deleteBatch: 1000, inlineBytes: 0 };
  readonly segments: SegmentFiles;
  private readonly root: string;
  private readonly watch: RootWatch;
  private readonly temporary: string;
  private readonly ids: Ids;

  constructor({ root, clock, ids }: FilesystemDriverOptions) {
    this.root = resolve(root);
    this.watch = new RootWatch(this.root);
    // Beside the keys' roots, so that no listing sees them, and on the same filesystem, for link and rename.
    this.temporary = join(this.root, 'stackyard/tmp');
    this.ids = ids;
    const directory = join(this.root, 'stackyard/segments');
    const pathOf = (key: Key): string => this.path(key);
    this.segments = new SegmentFiles({
      directory,
      temporary: this.temporary,
      pathOf,
      watch: this.watch,
      clock,
      ids,
    });
  }

  async stat(key: Key, options: ReadOptions = {}): Promise<ObjectStat> {
    options.signal?.throwIfAborted();
    const path = this.path(key);
    try {
      return statOf(await stat(path), key);
    } catch (error) {
      return this.watch.confirm(isStorageError(error) ? error : readFailure(key, error));
    }
  }

  async get(key: Key, options: GetOptions = {}): Promise<{ stat: ObjectStat; body: Readable }> {
    const { signal, range, borrow } = options;
    signal?.throwIfAborted();
    const { fd, stat } = await openFile(this.path(key), key).catch(this.watch.confirm);
    const body = await bodyOf(fd, key, () => boundsOf(key, range, stat.size), borrow);
    destroyOn(signal, body);
    return { stat, body };
  }

  async read(key: Key, options: ReadOptions = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    return readWhole(this.path(key), key).catch(this.watch.confirm);
  }

  async put(key: Key, bytes: Uint8Array, options: PutOptions = {}): Promise<ObjectStat> {
    const path = this.path(key);
    const ifAbsent = options.ifAbsent === true;
    options.signal?.throwIfAborted();
    if (ifAbsent && (await this.exists(path, key))) throw taken(key);
    const temp = await this.temp(key);
    try {
      await orOutage(key, async () => temp.add(bytes));
      return await this.publish(temp, key, { replace: !ifAbsent, ...options });
    } catch (error) {
      await tidy(() => temp.discard());
      throw error;
    }
  }

  async putVerified(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    options: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    const path = this.path(key);
    const { digest, size, signal, replace = false } = options;
    signal?.throwIfAborted();
    const temp = await this.temp(key);
    try {
      const hash = createHash('sha256');
      for await (const chunk of abortable(body, signal)) {
        if (temp.bytes + chunk.length > size) throw mismatch(key);
        hash.update(chunk);
        const written = temp.add(chunk);
        if (written !== undefined) await orOutage(key, () => written);
      }
      if (temp.bytes !== size || hash.digest('hex') !== digest.hex) throw mismatch(key);
      if (!replace && (await this.exists(path, key))) throw taken(key);
      return await this.publish(temp, key, { replace, ...options });
    } catch (error) {
      await tidy(() => temp.discard());
      throw error;
    }
  }

  /** An object is one piece here. */
  async isDamaged(): Promise<boolean> {
    return false;
  }

  async list(options: ListOptions): Promise<Listing> {
    options.signal?.throwIfAborted();
    requirePrefix(options.prefix);
    this.watch.check();
    return orOutage(options.prefix, () => listDirectory(this.root, options));
  }

  async delete(key: Key, options: Abortable = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const left = await this.remove(key);
    await orOutage(key, () => this.settle(left));
  }

  async deleteMany(keys: readonly Key[], options: Abortable = {}): Promise<readonly DeleteFailure[]> {
    const failures: DeleteFailure[] = [];
    const left = new Map<string, Key[]>();
    for (const key of keys) {
      options.signal?.throwIfAborted();
      try {
        const directory = await this.remove(key);
        left.set(directory, [...(left.get(directory) ?? []), key]);
      } catch (error) {
        failures.push({ key, error: outage(key, error) });
      }
    }
    for (const [directory, removed] of left) {
      try {
        await this.settle(directory);
      } catch (error) {
        failures.push(...removed.map((key) => ({ key, error: outage(key, error) })));
      }
    }
    return failures;
  }

  async signedUrl(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    // Holds nothing between calls.
  }

  /** @throws StorageError INVALID_KEY, so that no key leads out of the roots */
  private path(key: Key): string {
    requireKey(key);
    return `${this.root}/${key}`;
  }

  private async temp(key: Key): Promise<TempFile> {
    this.watch.check();
    const path = join(this.temporary, this.ids.unique());
    const temp = await orOutage(key, () => TempFile.create(path, isPrivateKey(key)));
    this.watch.check();
    return temp;
  }

  private async publish(
    temp: TempFile,
    key: Key,
    options: Abortable & { readonly replace: boolean },
  ): Promise<ObjectStat> {
    options.signal?.throwIfAborted();
    const stat = await orOutage(key, () => temp.publish(this.path(key), options));
    if (stat === undefined) throw taken(key);
    return stat;
  }

  private async exists(path: string, key: Key): Promise<boolean> {
    const found = await orOutage(key, () => stat(path).catch(ifAbsent));
    return found !== undefined;
  }

  /** Answers the directory whose entry the removal was, which is still to be synced. */
  private async remove(key: Key): Promise<string> {
    const path = this.path(key);
    this.watch.check();
    const top = join(this.root, KEY_ROOTS.find((root) => key.startsWith(root)) ?? '');
    try {
      await unlink(path);
    } catch (error) {
      // A directory (of other objects) or a file on the way: this object does not exist.
      if (!hasErrno(error, 'EISDIR', 'EPERM', 'ENOTDIR')) throw outage(key, error);
      return dirname(path);
    }
    return orOutage(key, () => prune(dirname(path), top));
  }

  /** Syncs the nearest directory that is left: others prune as well. */
  private async settle(directory: string): Promise<void> {
    for (let path = directory; path.startsWith(this.root); path = dirname(path)) {
      if (await syncDirectory(path)) return;
    }
  }
}

function taken(key: Key): StorageError {
  return new StorageError('EXISTS', `${key} exists`);
}

function mismatch(key: Key): StorageError {
  return new StorageError('MISMATCH', `${key}: the body does not have the announced size and digest`);
}
