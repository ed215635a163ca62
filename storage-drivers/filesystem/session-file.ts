import fs from 'node:fs';
import { join } from 'node:path';
import { StorageError, type ObjectStat, type Segment } from '../../src/ports/storage-driver.js';
import { BatchedWriter } from './batched-writer.js';
import { syncDirectories, intoDirectory } from './directories.js';
import { copyFile, fsync, ftruncate, open, rmdir, stat, unlink } from './disk.js';
import { hasErrno, ifAbsent, isAbsent, outage } from './errno.js';
import { statOf } from './file-reading.js';
import { CLAIM_SUFFIX } from './set-directories.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE } = fs.constants;
const FILE_NAME = /^[a-z0-9-]{1,100}$/;

interface Opened {
  readonly directory: string;
  readonly name: string;
  readonly fd: number;
  readonly start: number;
  /** The claim's path; none where the file is ours alone, under a fresh name. */
  readonly claim?: string;
  /** Directories to sync before the file is acknowledged. */
  readonly changed: ReadonlySet<string>;
}

/**
 * The file of an upload session, opened by the one writer that may write beyond the recorded offset `n`: node
 * has no file locks, so that is whoever creates `<name>.<n>.claim`. Anybody else gets a copy of the first n
 * bytes under a fresh name. A file longer than n has been claimed there before, even where a power failure took
 * the claim, and one with a second link is a blob: both are copied, never written.
 */
export class SessionFile {
  readonly path: string;
  private readonly writer: BatchedWriter;
  private closed = false;

  private constructor(private readonly opened: Opened) {
    this.path = join(opened.directory, opened.name);
    this.writer = new BatchedWriter(opened.fd, opened.start);
  }

  /** @throws StorageError NOT_FOUND when what is recorded is not there (any more); UNAVAILABLE */
  static async continuing(
    directory: string,
    recorded: readonly Segment[],
    freshName: string,
  ): Promise<SessionFile> {
    const [segment, ...others] = recorded;
    try {
      if (segment === undefined) return new SessionFile(await create(directory, freshName));
      if (others.length > 0 || !isSegment(segment)) throw gone(segment);
      const opened = (await claim(directory, segment)) ?? (await copy(directory, segment, freshName));
      return new SessionFile(opened);
    } catch (error) {
      if (segment !== undefined && isAbsent(error)) throw gone(segment);
      throw outage(freshName, error);
    }
  }

  /** Bytes beyond those recorded. */
  get added(): number {
    return this.writer.bytes;
  }

  /** See BatchedWriter. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    return this.writer.add(chunk);
  }

  /** Makes everything durable; closes the file. @throws StorageError NOT_FOUND when the set was removed */
  async sync(): Promise<Segment> {
    await this.writer.finish();
    await fsync(this.opened.fd);
    if (fs.fstatSync(this.opened.fd).nlink === 0) throw gone(this.opened);
    await syncDirectories(this.opened.changed);
    this.close();
    return segmentOf(this.opened.name, this.opened.start + this.added);
  }

  /** For a commit: what is recorded was durable, so only a copy is synced. A blob is as old as its commit. */
  async seal(now: Date): Promise<ObjectStat> {
    fs.futimesSync(this.opened.fd, now, now);
    if (this.opened.claim === undefined) await fsync(this.opened.fd);
    return statOf(fs.fstatSync(this.opened.fd), this.opened.name);
  }

  /** Undoes: a copy or a new file goes, a claimed one keeps its recorded bytes and is free again. Idempotent. */
  async abandon(): Promise<void> {
    await this.writer.settle();
    if (this.closed) return;
    const { directory, fd, start, claim } = this.opened;
    try {
      if (claim === undefined) {
        await unlink(this.path);
        await rmdir(directory).catch(inUse);
      } else if (fs.fstatSync(fd).nlink === 1) {
        if (this.added > 0) await ftruncate(fd, start);
        await unlink(claim);
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    fs.closeSync(this.opened.fd);
  }
}

/** The path and size that a segment claims to be, checked against its etag. */
export function isSegment({ name, size, etag }: Segment): boolean {
  return FILE_NAME.test(name) && Number.isSafeInteger(size) && size > 0 && etag === etagOf(name, size);
}

function segmentOf(name: string, size: number): Segment {
  return { name, size, etag: etagOf(name, size) };
}

/** Bytes of a name never change once they are recorded, so that name and size tell them. */
function etagOf(name: string, size: number): string {
  return `${name}.${size}`;
}

async function create(directory: string, name: string): Promise<Opened> {
  const changed = new Set([directory]);
  const fd = await intoDirectory(directory, changed, () => open(join(directory, name), 'wx'));
  return { directory, name, fd, start: 0, changed };
}

/** Undefined: somebody else writes to the file, or wrote. */
async function claim(directory: string, { name, size }: Segment): Promise<Opened | undefined> {
  const path = join(directory, `${name}.${size}${CLAIM_SUFFIX}`);
  try {
    fs.closeSync(await open(path, 'wx'));
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return undefined;
    throw error;
  }
  let fd: number | undefined;
  try {
    fd = await open(join(directory, name), 'r+');
    const stats = fs.fstatSync(fd);
    if (stats.size < size) throw gone({ name });
    if (stats.size === size && stats.nlink === 1 && (await isStill(stats, join(directory, name)))) {
      return { directory, name, fd, start: size, claim: path, changed: new Set() };
    }
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    await unlink(path);
    throw error;
  }
  fs.closeSync(fd);
  await unlink(path);
  return undefined;
}

/** Whether the one name of an open file is this: a commit that ended meanwhile leaves it the name of a blob. */
async function isStill({ ino, dev }: fs.Stats, path: string): Promise<boolean> {
  const named = await stat(path).catch(ifAbsent);
  return named?.ino === ino && named.dev === dev;
}

async function copy(directory: string, segment: Segment, name: string): Promise<Opened> {
  const path = join(directory, name);
  let fd: number | undefined;
  try {
    await copyFile(join(directory, segment.name), path, COPYFILE_EXCL | COPYFILE_FICLONE);
    fd = await open(path, 'r+');
    if (fs.fstatSync(fd).size < segment.size) throw gone(segment);
    await ftruncate(fd, segment.size);
    return { directory, name, fd, start: segment.size, changed: new Set([directory]) };
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    await unlink(path);
    throw error;
  }
}

function gone({ name }: { readonly name: string }): StorageError {
  return new StorageError('NOT_FOUND', `segment ${name} is gone or differs`);
}

function inUse(error: unknown): void {
  if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
}
