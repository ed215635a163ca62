import { join } from 'node:path';
import { sortKeys, compareKeys } from '../../src/domain/key-order.js';
import { isSetName } from '../../src/domain/key-rules.js';
import type { SegmentSet, SegmentSetInfo } from '../../src/ports/storage-driver.js';
import { readdir, rmdir, stat, unlink } from './disk.js';
import { hasErrno, ifAbsent } from './errno.js';

/** Leftover temporary files are shown to the purge as sets of this name. */
const TEMPORARY = 'tmp-';
export const CLAIM_SUFFIX = '.claim';

export interface SetDirectories {
  readonly directory: string;
  readonly temporary: string;
}

/** Whatever an ended or killed process may have left, in order. Errors are the operating system's. */
export async function listSets(
  { directory, temporary }: SetDirectories,
  { startAfter = '', limit }: { startAfter?: SegmentSet; limit: number },
): Promise<{ sets: readonly SegmentSetInfo[]; next?: SegmentSet }> {
  const files = (await names(temporary)).map((name) => TEMPORARY + name);
  const found = new Set([...(await names(directory)), ...files]);
  const wanted = [...found].filter((set) => isSetName(set) && compareKeys(set, startAfter) > 0);
  const page = sortKeys(wanted).slice(0, limit);
  const next = wanted.length > limit ? page.at(-1) : undefined;
  const sets: SegmentSetInfo[] = [];
  for (const set of page) {
    const info = await infoOf(set, { directory, temporary });
    if (info !== undefined) sets.push(info);
  }
  return next === undefined ? { sets } : { sets, next };
}

/** Idempotent. A set that somebody is writing to stays, less what it held. Claims go last: they guard the files. */
export async function removeSet(directory: string): Promise<void> {
  const all = await names(directory);
  const claims = all.filter((name) => name.endsWith(CLAIM_SUFFIX));
  const files = all.filter((name) => !name.endsWith(CLAIM_SUFFIX));
  await Promise.all(files.map((name) => unlink(join(directory, name))));
  await Promise.all(claims.map((name) => unlink(join(directory, name))));
  try {
    await rmdir(directory);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/** Where the temporary file lies that is shown as this set. */
export function temporaryPath(set: SegmentSet, temporary: string): string | undefined {
  return set.startsWith(TEMPORARY) ? join(temporary, set.slice(TEMPORARY.length)) : undefined;
}

async function infoOf(
  set: SegmentSet,
  { directory, temporary }: SetDirectories,
): Promise<SegmentSetInfo | undefined> {
  const own = join(directory, set);
  const paths = (await names(own)).map((name) => join(own, name));
  const leftover = temporaryPath(set, temporary);
  if (leftover !== undefined) paths.push(leftover);
  const files = (await Promise.all(paths.map((path) => stat(path).catch(ifAbsent)))).filter(
    (stats) => stats !== undefined,
  );
  const dates = files.length > 0 ? files : [await stat(own).catch(ifAbsent)];
  const newest = Math.max(...dates.map((stats) => stats?.mtimeMs ?? Number.NEGATIVE_INFINITY));
  if (!Number.isFinite(newest)) return undefined;
  return { set, lastModified: new Date(newest), size: files.reduce((sum, { size }) => sum + size, 0) };
}

async function names(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(ifAbsent)) ?? [];
}
