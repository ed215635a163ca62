import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Key } from '../../src/domain/keys.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import {
  StorageError,
  isStorageError,
  type Abortable,
  type ObjectStat,
  type Segment,
  type SegmentSet,
  type SegmentSetInfo,
  type SegmentStore,
} from '../../src/ports/storage-driver.js';
import { abortable } from '../abortable.js';
import { requireSet } from '../../src/ports/storage-requirements.js';
import { place } from './directories.js';
import { stat, unlink } from './disk.js';
import { ifAbsent, orOutage, tidy } from './errno.js';
import type { RootWatch } from './root-watch.js';
import { readSegments } from './segment-body.js';
import { SessionFile } from './session-file.js';
import { listSets, removeSet, temporaryPath } from './set-directories.js';

export interface SegmentFilesOptions {
  /** Holds one directory a set. */
  readonly directory: string;
  /** Holds the files that are not objects yet; the purge sees what a killed process left of them as sets. */
  readonly temporary: string;
  pathOf(key: Key): string;
  readonly watch: RootWatch;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * An upload session is one file that grows: the list of its segments has one, whose size is how far it is
 * recorded. Whoever holds the claim for an offset may write beyond it (session-file.ts).
 */
export class SegmentFiles implements SegmentStore {
  constructor(private readonly options: SegmentFilesOptions) {}

  async append(
    set: SegmentSet,
    recorded: readonly Segment[],
    body: AsyncIterable<Uint8Array>,
    { signal }: Abortable = {},
  ): Promise<readonly Segment[]> {
    requireSet(set);
    signal?.throwIfAborted();
    const directory = this.directoryOf(set);
    this.options.watch.check();
    const file = await SessionFile.continuing(directory, recorded, this.options.ids.unique());
    try {
      for await (const chunk of abortable(body, signal)) {
        const written = file.add(chunk);
        if (written !== undefined) await orOutage(set, () => written);
      }
      if (file.added === 0) {
        await file.abandon();
        return recorded;
      }
      return [await orOutage(set, () => file.sync())];
    } catch (error) {
      await tidy(() => file.abandon());
      throw error;
    }
  }

  read(set: SegmentSet, segments: readonly Segment[], from = 0): Readable {
    requireSet(set);
    return readSegments(this.directoryOf(set), segments, from);
  }

  async commit(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    options: Abortable & { readonly replace?: boolean } = {},
  ): Promise<ObjectStat> {
    requireSet(set);
    const { signal, replace = false } = options;
    const path = this.options.pathOf(target);
    signal?.throwIfAborted();
    this.options.watch.check();
    if (!replace && (await this.exists(target))) {
      await this.dropDuplicate(set, segments, path);
      throw taken(target);
    }
    const file = await this.recorded(set, segments, target, replace);
    try {
      const stat = await orOutage(target, () => file.seal(new Date(this.options.clock.now())));
      signal?.throwIfAborted();
      const outcome = await orOutage(target, () => place(file.path, path, replace));
      if (outcome === 'gone') throw await this.lost(target, replace);
      if (outcome === 'exists') throw taken(target);
      // The blob is durable: what cannot be removed here is the purge's.
      await tidy(() => removeSet(this.directoryOf(set)));
      file.close();
      return stat;
    } catch (error) {
      await tidy(() => file.abandon());
      throw error;
    }
  }

  async remove(set: SegmentSet): Promise<void> {
    requireSet(set);
    await orOutage(set, async () => {
      const leftover = temporaryPath(set, this.options.temporary);
      if (leftover !== undefined) await unlink(leftover);
      await removeSet(this.directoryOf(set));
    });
  }

  async list(options: { startAfter?: SegmentSet; limit: number }): Promise<{
    sets: readonly SegmentSetInfo[];
    next?: SegmentSet;
  }> {
    return orOutage('segment sets', () => listSets(this.options, options));
  }

  /** What is committed already need not wait for the purge; bytes of another size may replace it yet. */
  private async dropDuplicate(set: SegmentSet, segments: readonly Segment[], path: string): Promise<void> {
    await tidy(async () => {
      const size = segments.reduce((sum, segment) => sum + segment.size, 0);
      if ((await stat(path)).size === size) await removeSet(this.directoryOf(set));
    });
  }

  /** A file of exactly the recorded bytes that nobody appends to any more. */
  private async recorded(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    replace: boolean,
  ): Promise<SessionFile> {
    try {
      return await SessionFile.continuing(this.directoryOf(set), segments, this.options.ids.unique());
    } catch (error) {
      throw isStorageError(error, 'NOT_FOUND') ? await this.lost(target, replace) : error;
    }
  }

  /** The error for a session that is not there: another commit of it may have just ended. */
  private async lost(target: Key, replace: boolean): Promise<StorageError> {
    if (!replace && (await this.exists(target))) return taken(target);
    return new StorageError('MISMATCH', `${target}: a segment is gone or differs`);
  }

  private async exists(target: Key): Promise<boolean> {
    const found = await orOutage(target, () => stat(this.options.pathOf(target)).catch(ifAbsent));
    return found !== undefined;
  }

  private directoryOf(set: SegmentSet): string {
    return join(this.options.directory, set);
  }
}

function taken(target: Key): StorageError {
  return new StorageError('EXISTS', `${target} exists`);
}
