import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SECRET, UNREADABLE, type ClientFile } from '../client-config/client-file.js';
import { Folder, readText, told, type StagedFile } from './client-config-folder.js';
import { UsageError } from './exit.js';

/** What a file became. */
export interface WrittenFile {
  /** As the setup calls it. */
  readonly path: string;
  /** Where it is on this machine. */
  readonly at: string;
  readonly isChanged: boolean;
}

/** What was read before the files were computed. */
export interface ReadFiles {
  /** All that was looked for. */
  readonly paths: readonly string[];
  /** What was there. */
  readonly existing: ReadonlyMap<string, string>;
}

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
      return await readText(subject, file, found);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw told(subject, 'it cannot be read', error);
  }
}

/**
 * What is below the directory already, by path; `*.toml` in the place of a name stands for all such files, of which one that
 * cannot be read is `UNREADABLE`. Links below it are refused. @throws UsageError
 */
export async function existingFiles(
  root: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const tree = await FolderTree.open(root);
  try {
    for (const path of paths) {
      const [place, name] = split(path);
      if (name.startsWith('*')) {
        for (const [each, text] of await siblings(tree, place, name))
          found.set(join(dirname(path), each), text);
        continue;
      }
      const file = await (await tree.folder(place))?.file(name);
      if (file !== undefined) found.set(path, file.content);
    }
    return found;
  } finally {
    await tree.close();
  }
}

/** The texts of a folder's files, by name; of the pattern itself where the folder cannot be read. */
async function siblings(
  tree: FolderTree,
  place: string,
  pattern: string,
): Promise<readonly (readonly [string, string])[]> {
  try {
    const folder = await tree.folder(place);
    if (folder === undefined) return [];
    const names = await folder.names(pattern.slice(1));
    return await Promise.all(
      names.map(async (name) => [name, await textOrUnreadable(folder, name)] as const),
    );
  } catch (error) {
    if (error instanceof UsageError) return [[pattern, UNREADABLE]];
    throw error;
  }
}

async function textOrUnreadable(folder: Folder, name: string): Promise<string> {
  try {
    return (await folder.file(name))?.content ?? UNREADABLE;
  } catch (error) {
    if (error instanceof UsageError) return UNREADABLE;
    throw error;
  }
}

/**
 * Writes the files below the directory that are not there so already. All are written beside their places first, and then
 * take these, so that a full disk changes nothing. An existing file keeps its owner, and whom it was closed to; a new one
 * belongs to the owner of its folder, where this process may say so. Links below the directory are refused, and so is what
 * became another file since it was read.
 * @throws UsageError
 */
export async function writeFiles(
  root: string,
  files: readonly ClientFile[],
  { paths, existing }: ReadFiles,
): Promise<readonly WrittenFile[]> {
  const written: WrittenFile[] = [];
  const staged: StagedFile[] = [];
  const tree = await FolderTree.open(root);
  try {
    for (const { path, mode: wished, content } of files) {
      const at = join(root, path);
      const [place, name] = split(path);
      const before = await (await tree.folder(place))?.file(name);
      if (paths.includes(path) && before?.content !== existing.get(path))
        throw new UsageError(`${at}: it was changed meanwhile; try again`);
      const mode = before === undefined ? wished : before.stat.mode & wished;
      const isChanged =
        before === undefined || (before.stat.mode & PERMISSIONS) !== mode || before.content !== content;
      written.push({ path, at, isChanged });
      if (!isChanged) continue;
      const folder = await tree.makeFolder(place, wished === SECRET ? SECRET_DIRECTORY : DIRECTORY);
      const owner = before?.stat ?? (await folder.handle.stat());
      staged.push(await folder.stage(name, content, mode, owner));
    }
    for (const file of staged) await file.place();
    for (const file of staged) await file.remove();
    return written;
  } catch (error) {
    for (const file of staged) await file.remove();
    await tree.removeMade();
    throw error;
  } finally {
    await tree.close();
  }
}

/** The folders below one directory, each opened once. */
class FolderTree {
  readonly #opened = new Map<string, Folder>();
  readonly #made: { readonly parent: Folder; readonly name: string }[] = [];

  private constructor(root: Folder) {
    this.#opened.set('/', root);
  }

  static async open(root: string): Promise<FolderTree> {
    try {
      return new FolderTree(await Folder.open(root));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOTDIR')
        throw new UsageError(`--into ${root}: it is no directory; give one`);
      throw told(`--into ${root}`, 'it cannot be written to', error);
    }
  }

  /** By its absolute path there; undefined where there is none. */
  async folder(path: string): Promise<Folder | undefined> {
    const known = this.#opened.get(path);
    if (known !== undefined) return known;
    const [parent, name] = split(path);
    const found = await (await this.folder(parent))?.folder(name);
    if (found !== undefined) this.#opened.set(path, found);
    return found;
  }

  /** Where it is missing it is made with the mode, those above it open to read. */
  async makeFolder(path: string, mode: number): Promise<Folder> {
    const found = await this.folder(path);
    if (found !== undefined) return found;
    const [above, name] = split(path);
    const parent = await this.makeFolder(above, DIRECTORY);
    const made = await parent.makeFolder(name, mode);
    this.#opened.set(path, made);
    this.#made.push({ parent, name });
    return made;
  }

  async removeMade(): Promise<void> {
    for (const { parent, name } of this.#made.reverse()) await parent.removeFolder(name);
  }

  async close(): Promise<void> {
    for (const folder of this.#opened.values()) await folder.close();
  }
}

/** The folder, and the name in it. A setup's file of no host stands in the directory itself. */
function split(path: string): readonly [string, string] {
  const at = join('/', path);
  return [dirname(at), at.slice(at.lastIndexOf('/') + 1)];
}
