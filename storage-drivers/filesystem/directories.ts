import fs from 'node:fs';
import { dirname } from 'node:path';
import { fsync, link, makePath, open, rename, rmdir, stat } from './disk.js';
import { hasErrno } from './errno.js';

/** A put meets this many prunings of the directory it writes to before it gives up. */
const ATTEMPTS = 1000;

/**
 * Makes a directory and all that is missing above it, and answers the directories that got an entry by it: they
 * must be synced before anything in it is acknowledged.
 */
export async function makeDirectory(path: string): Promise<readonly string[]> {
  const first = await makePath(path);
  if (first === undefined) return [];
  const changed: string[] = [];
  for (let directory = path; directory.length >= first.length; directory = dirname(directory)) {
    changed.push(dirname(directory));
  }
  return changed;
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
    try {
      for (const parent of await makeDirectory(directory)) changed.add(parent);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
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
    fd = await open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
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
