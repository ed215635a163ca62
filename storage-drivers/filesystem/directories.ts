import fs from 'node:fs';
import { dirname } from 'node:path';
import { fsync, link, mkdir, rename, rmdir, stat } from './disk.js';
import { hasErrno } from './errno.js';

/** A put meets this many prunings of the directory it writes to before it gives up. */
const ATTEMPTS = 1000;

/**
 * Makes a directory and what is missing above it, and adds the directories that got an entry by it to `changed`,
 * also where it then fails: they must be synced before anything below is acknowledged. (mkdir with `recursive`
 * tells nothing of what it made before it failed, and fails with ENOTDIR when a prune meets it.)
 */
async function makeDirectory(path: string, changed: Set<string>): Promise<void> {
  try {
    await mkdirMissing(path, changed);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
    await makeDirectory(dirname(path), changed);
    await mkdirMissing(path, changed);
  }
}

async function mkdirMissing(path: string, changed: Set<string>): Promise<void> {
  try {
    await mkdir(path);
    changed.add(dirname(path));
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
  }
}

/**
 * Runs `step`, which needs `directory`; where that is missing (nobody has made it yet, or a concurrent delete
 * has just pruned it) makes it and tries again. Adds the directories to sync to `changed`.
 */
export async function intoDirectory<T>(
  directory: string,
  changed: Set<string>,
  step: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (!hasErrno(error, 'ENOENT') || attempt === ATTEMPTS) throw error;
    }
    await prepareDirectory(directory, changed);
  }
}

/** Makes the entries of these directories durable; one that is gone by now holds nothing to lose. */
export async function syncDirectories(paths: Iterable<string>): Promise<void> {
  await Promise.all(Array.from(paths, syncDirectory));
}

/** @returns whether the directory is there */
export async function syncDirectory(path: string): Promise<boolean> {
  let fd: number;
  try {
    // Just used, hence in memory: a turn in the thread pool would cost more than the call.
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
  try {
    await fsync(fd);
    return true;
  } finally {
    fs.closeSync(fd);
  }
}

/** As makeDirectory, tolerant of a concurrent prune: the step that needs the directory tries again. */
async function prepareDirectory(path: string, changed: Set<string>): Promise<void> {
  try {
    await makeDirectory(path, changed);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

/**
 * Gives the file `from` the name `to` as well (or, with `replace`, instead), atomically and durably.
 * `exists`: `to` is taken. `gone`: there is no `from`.
 */
export async function place(
  from: string,
  to: string,
  replace: boolean,
): Promise<'placed' | 'exists' | 'gone'> {
  const parent = dirname(to);
  const changed = new Set([parent]);
  try {
    // A new name mostly has a new directory: made first, it saves a failed link.
    if (!replace) await prepareDirectory(parent, changed);
    await intoDirectory(parent, changed, async () => {
      try {
        await (replace ? rename(from, to) : link(from, to));
      } catch (error) {
        if (hasErrno(error, 'ENOENT')) await stat(from).catch(gone);
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof Gone) return 'gone';
    if (hasErrno(error, 'EEXIST')) return 'exists';
    throw error;
  }
  await syncDirectories(changed);
  return 'placed';
}

/** Removes empty directories from `path` upwards, below `top`; answers the nearest one that is left. */
export async function prune(path: string, top: string): Promise<string> {
  let directory = path;
  while (directory.length > top.length) {
    try {
      await rmdir(directory);
    } catch (error) {
      if (hasErrno(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR')) return directory;
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
    directory = dirname(directory);
  }
  return directory;
}

class Gone extends Error {}

function gone(error: unknown): never {
  throw hasErrno(error, 'ENOENT') ? new Gone() : (error as Error);
}
