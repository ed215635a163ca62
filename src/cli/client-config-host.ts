import type { Stats } from 'node:fs';
import {
  chmod,
  chown,
  constants,
  lstat,
  mkdir,
  open,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { SECRET, type ClientFile } from '../client-config/client-file.js';
import { UsageError } from './exit.js';

/** What a file became. */
export interface WrittenFile {
  /** As the setup calls it. */
  readonly path: string;
  /** Where it is on this machine. */
  readonly at: string;
  readonly isChanged: boolean;
}

const MAX_BYTES = 4 << 20;
const PERMISSIONS = 0o777;
const DIRECTORY = 0o755;
const SECRET_DIRECTORY = 0o700;

/** A text file, up to 4 MiB. @throws UsageError */
export async function readFile(path: string, what = path): Promise<string> {
  const subject = what === path ? path : `${what} ${path}`;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new UsageError(`${subject}: it is no file; give one`);
      if (found.size > MAX_BYTES) throw new UsageError(`${subject}: it is larger than 4 MiB; give another`);
      return textOf(subject, await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    throw told(subject, 'it cannot be read', error);
  }
}

/** What is below the directory already, by path. @throws UsageError */
export async function existingFiles(
  root: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const at = join(root, path);
    if ((await placeOf(root, at)) !== undefined) found.set(path, await readFile(at));
  }
  return found;
}

/**
 * Writes the files below the directory that are not there so already. All are written beside their places first, and then
 * take these, so that a full disk changes nothing. An existing file keeps its owner, and whom it was closed to; a new one
 * belongs to the owner of its folder, where this process may say so.
 * @throws UsageError
 */
export async function writeFiles(
  root: string,
  files: readonly ClientFile[],
): Promise<readonly WrittenFile[]> {
  const written: WrittenFile[] = [];
  const staged: { readonly part: string; readonly at: string }[] = [];
  const folders: string[] = [];
  await requireDirectory(root);
  try {
    for (const file of files) {
      const at = join(root, file.path);
      const before = await placeOf(root, at);
      const mode = before === undefined ? file.mode : before.mode & file.mode;
      const isChanged =
        before === undefined || (before.mode & PERMISSIONS) !== mode || (await readFile(at)) !== file.content;
      written.push({ path: file.path, at, isChanged });
      if (!isChanged) continue;
      await makeFolders(dirname(at), file.mode === SECRET ? SECRET_DIRECTORY : DIRECTORY, folders);
      const part = `${at}.${process.pid}.new`;
      staged.push({ part, at });
      await writePart(part, file.content, mode, before ?? (await stat(dirname(at))));
    }
    for (const { part, at } of staged) await place(part, at);
    return written;
  } catch (error) {
    for (const { part } of staged) await rm(part, { force: true });
    for (const folder of folders.reverse()) await rmdir(folder).catch(keepUsedFolder);
    throw error;
  }
}

/** Undefined where there is nothing. Links are not followed: below a directory of somebody else they may lead anywhere. */
async function placeOf(root: string, at: string): Promise<Stats | undefined> {
  let path = root;
  for (const name of relative(root, at).split('/')) {
    path = join(path, name);
    const found = await entryAt(path);
    if (found === undefined) return undefined;
    if (found.isSymbolicLink())
      throw new UsageError(
        `${path}: it is a link to ${await readlink(path)}, which is not followed; name the place itself, or replace the link`,
      );
    if (path === at && !found.isFile()) throw new UsageError(`${path}: it is no file; move it away`);
    if (path === at) return found;
    if (!found.isDirectory()) throw new UsageError(`${path}: it is no directory; move it away`);
  }
  return undefined;
}

async function entryAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw told(path, 'it cannot be read', error);
  }
}

async function requireDirectory(root: string): Promise<void> {
  const found = await stat(root).catch((error: unknown) => {
    throw told(`--into ${root}`, 'it cannot be written to', error);
  });
  if (!found.isDirectory()) throw new UsageError(`--into ${root}: it is no directory; give one`);
}

/** Those that are missing; the last one with the mode, the others open to read. */
async function makeFolders(folder: string, mode: number, made: string[]): Promise<void> {
  if ((await entryAt(folder)) !== undefined) return;
  await makeFolders(dirname(folder), DIRECTORY, made);
  try {
    await mkdir(folder, mode);
    made.push(folder);
    await chmod(folder, mode);
    await own(folder, await stat(dirname(folder)));
  } catch (error) {
    throw told(folder, 'it cannot be made', error);
  }
}

async function writePart(part: string, content: string, mode: number, owner: Stats): Promise<void> {
  try {
    await rm(part, { force: true });
    const file = await open(part, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await own(part, owner);
  } catch (error) {
    throw told(part, 'it cannot be written', error);
  }
}

async function place(part: string, at: string): Promise<void> {
  try {
    await rename(part, at);
  } catch (error) {
    throw told(at, 'it cannot be replaced', error);
  }
}

/** Only root may give files away. */
async function own(path: string, { uid, gid }: Stats): Promise<void> {
  if (process.geteuid?.() === 0) await chown(path, uid, gid);
}

/** Somebody else has put something there meanwhile. */
function keepUsedFolder(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
}

/** A file of other bytes than text would be changed where it is not meant to be. @throws UsageError */
function textOf(subject: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${subject}: it is no UTF-8 text; correct it, or move it away`);
  }
}

function told(subject: string, what: string, error: unknown): Error {
  if (error instanceof UsageError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const fix = ['EACCES', 'EPERM'].includes(code) ? 'run it as root, or as its owner' : 'correct that first';
  return new UsageError(`${subject}: ${what} (${code || message}); ${fix}`, { cause: error });
}
