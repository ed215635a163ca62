import { constants, type Stats } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  type FileHandle,
} from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from './exit.js';

/** A file that is there. */
export interface FoundFile {
  readonly stat: Stats;
  readonly content: string;
}

/** A file that is written, but not in its place yet. */
export interface StagedFile {
  place(): Promise<void>;
  /** What is left of it, whether it was placed or not. */
  remove(): Promise<void>;
}

const MAX_BYTES = 4 << 20;
const IS_LINUX = process.platform === 'linux';
/** Of Linux: the folder need not be readable, as /home is not everywhere. */
const O_PATH = 0o10000000;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;
const PASSING = IS_LINUX ? O_PATH | constants.O_DIRECTORY : FOLDER;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PRIVATE_FILE = 0o600;

/**
 * A folder by an open handle. Whoever owns it, or one above, may put links and other folders in the places of names at any
 * time: nothing here follows a link, and what is made is given away by its handle, never by its name.
 */
export class Folder {
  private constructor(
    /** What errors call it. */
    readonly path: string,
    readonly handle: FileHandle,
  ) {}

  /** Where the names start; it may be a link. @throws NodeJS.ErrnoException */
  static async open(path: string): Promise<Folder> {
    return new Folder(path, await open(path, PASSING));
  }

  /** Undefined where there is none. @throws UsageError */
  async folder(name: string): Promise<Folder | undefined> {
    const handle = await this.#entry(name, PASSING, 'it is no directory; move it away');
    return handle && new Folder(join(this.path, name), handle);
  }

  /** Of all that is in it and ends so. @throws UsageError */
  async names(ending: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.#at(''))).filter((name) => name.endsWith(ending));
    } catch (error) {
      throw told(this.path, 'it cannot be read', error);
    }
  }

  /** Undefined where there is none. @throws UsageError */
  async file(name: string): Promise<FoundFile | undefined> {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    const handle = await this.#entry(name, flags, 'it is no file; move it away');
    if (handle === undefined) return undefined;
    const path = join(this.path, name);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new UsageError(`${path}: it is no file; move it away`);
      return { stat, content: await readText(path, handle, stat) };
    } catch (error) {
      throw told(path, 'it cannot be read', error);
    } finally {
      await handle.close();
    }
  }

  /** A new one, of this one's owner. @throws UsageError */
  async makeFolder(name: string, mode: number): Promise<Folder> {
    const path = join(this.path, name);
    try {
      await mkdir(this.#at(name), mode & 0o700);
      const made = await this.#madeFolder(name);
      try {
        await give(made.handle, await this.handle.stat(), mode);
        return made;
      } catch (error) {
        await made.close();
        throw error;
      }
    } catch (error) {
      throw told(path, 'it cannot be made', error);
    }
  }

  /** One that was made, if nobody has put anything there meanwhile. */
  async removeFolder(name: string): Promise<void> {
    await rmdir(this.#at(name)).catch((error: NodeJS.ErrnoException) => {
      if (!['ENOTEMPTY', 'ENOENT', 'ENOTDIR'].includes(error.code ?? '')) throw error;
    });
  }

  /** Writes a file for the place of a name, in a folder of this process alone: nobody can swap it before it is placed. @throws UsageError */
  async stage(name: string, content: string, mode: number, owner: Stats): Promise<StagedFile> {
    const path = join(this.path, name);
    try {
      const hidden = (await mkdtemp(this.#at('.stackyard-'))).slice(this.#at('').length);
      const made = await this.#madeFolder(hidden);
      const remove = async (): Promise<void> => {
        await rm(made.#at(name), { force: true });
        await made.close();
        await this.removeFolder(hidden);
      };
      try {
        await made.#write(name, content, mode, owner);
      } catch (error) {
        await remove();
        throw error;
      }
      const place = (): Promise<void> =>
        rename(made.#at(name), this.#at(name)).catch((error: unknown) => {
          throw told(path, 'it cannot be replaced', error);
        });
      return { place, remove };
    } catch (error) {
      throw told(path, 'it cannot be written', error);
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** Its owner and mode are right before it holds a byte. */
  async #write(name: string, content: string, mode: number, owner: Stats): Promise<void> {
    const file = await open(this.#at(name), NEW_FILE, PRIVATE_FILE);
    try {
      await give(file, owner, mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** The folder that this process has just made, and no other that was put in its place. */
  async #madeFolder(name: string): Promise<Folder> {
    const handle = await this.#entry(name, FOLDER, 'it is no directory; move it away');
    const path = join(this.path, name);
    if (handle === undefined) throw new UsageError(`${path}: somebody removed it meanwhile; try again`);
    const { uid } = await handle.stat();
    if (uid === process.geteuid?.()) return new Folder(path, handle);
    await handle.close();
    throw new UsageError(`${path}: somebody put another there meanwhile; try again`);
  }

  async #entry(name: string, flags: number, otherwise: string): Promise<FileHandle | undefined> {
    const path = join(this.path, name);
    try {
      return await open(this.#at(name), flags | constants.O_NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      if (code !== 'ELOOP' && code !== 'ENOTDIR') throw told(path, 'it cannot be read', error);
      const target = await readlink(this.#at(name)).catch(noLink);
      throw new UsageError(
        `${path}: ${target === undefined ? otherwise : `it is a link to ${target}, which is not followed; name the place itself, or replace the link`}`,
      );
    }
  }

  /** Node has no openat(2); elsewhere than on Linux only the last name of a path is safe. */
  #at(name: string): string {
    return `${IS_LINUX ? `/proc/self/fd/${this.handle.fd}` : this.path}/${name}`;
  }
}

/** The text of an open file, up to 4 MiB. A file of other bytes would be changed where it is not meant to be. @throws UsageError */
export async function readText(subject: string, file: FileHandle, { size }: Stats): Promise<string> {
  if (size > MAX_BYTES) throw new UsageError(`${subject}: it is larger than 4 MiB; give another`);
  const bytes = await file.readFile();
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${subject}: it is no UTF-8 text; correct it, or move it away`);
  }
}

/** The error with the subject, the cause and a fix. */
export function told(subject: string, what: string, error: unknown): Error {
  if (error instanceof UsageError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const fix = ['EACCES', 'EPERM'].includes(code) ? 'run it as root, or as its owner' : 'correct that first';
  return new UsageError(`${subject}: ${what} (${code || message}); ${fix}`, { cause: error });
}

/** Only root may give files away; that drops some bits of the mode, which is set after it. */
async function give(handle: FileHandle, { uid, gid }: Stats, mode: number): Promise<void> {
  if (process.geteuid?.() === 0) await handle.chown(uid, gid);
  await handle.chmod(mode);
}

/** Who is refused for another reason than a link. */
function noLink(error: NodeJS.ErrnoException): undefined {
  if (['EINVAL', 'ENOENT'].includes(error.code ?? '')) return undefined;
  throw error;
}
