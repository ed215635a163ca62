import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';

/** How somebody logs in to a server: with a user name, or with an access token by itself. */
export interface Profile {
  readonly username?: string | undefined;
  readonly secret: string;
  /** Path of the certificates that the server's is checked against. */
  readonly ca?: string | undefined;
}

/** The file of logins cannot be used as it is; in one line that tells how to mend it. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
}

const shape = z.object({
  profiles: z.record(
    z.string(),
    z.object({ username: z.string().optional(), secret: z.string(), ca: z.string().optional() }),
  ),
});

type Content = z.output<typeof shape>['profiles'];

const OTHERS = 0o077;
const DIRECTORY = 0o700;
const FILE = 0o600;

/** The logins of one person by the URL of the server, in a file that nobody else may read. */
export class Profiles {
  constructor(readonly path: string) {}

  /** @throws ProfileError where the file is unreadable, or readable by others */
  async find(server: string): Promise<Profile | undefined> {
    const profiles = await this.read();
    return Object.hasOwn(profiles, server) ? profiles[server] : undefined;
  }

  /** @throws ProfileError */
  async save(server: string, profile: Profile): Promise<void> {
    await this.write({ ...(await this.read()), [server]: { ...profile } });
  }

  /** Answers whether there was one. @throws ProfileError */
  async remove(server: string): Promise<boolean> {
    const { [server]: gone, ...others } = await this.read();
    if (gone !== undefined) await this.write(others);
    return gone !== undefined;
  }

  private async read(): Promise<Content> {
    try {
      const { mode } = await stat(this.path);
      if ((mode & OTHERS) !== 0) {
        throw new ProfileError(
          `${this.path} may be read by others; run chmod 600 ${this.path}, and replace its secrets if others had access`,
        );
      }
      return contentOf(this.path, await readFile(this.path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw told(this.path, 'cannot be read', error);
    }
  }

  /** Whole or not at all. */
  private async write(profiles: Content): Promise<void> {
    const folder = dirname(this.path);
    const temporary = `${this.path}.${process.pid}.new`;
    try {
      const made = await mkdir(folder, { recursive: true, mode: DIRECTORY });
      if (made !== undefined) await chmod(folder, DIRECTORY);
      await rm(temporary, { force: true });
      const file = await open(temporary, 'wx', FILE);
      try {
        await file.writeFile(`${JSON.stringify({ profiles }, undefined, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw told(this.path, 'cannot be written', error);
    }
  }
}

/** Where the logins of whoever runs this process are. */
export function profilesPath(env: Readonly<Record<string, string | undefined>>, home = homedir()): string {
  if (env['STACKYARD_PROFILES']) return env['STACKYARD_PROFILES'];
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'stackyard', 'profiles.json');
}

/** What is wrong is told without what the file holds. @throws ProfileError */
function contentOf(path: string, text: string): Content {
  try {
    return shape.parse(JSON.parse(text)).profiles;
  } catch {
    throw new ProfileError(`${path} is no file of logins; remove it, and run stackyard login again`);
  }
}

function told(path: string, what: string, error: unknown): ProfileError {
  if (error instanceof ProfileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new ProfileError(`${path} ${what} (${code ?? message}); set STACKYARD_PROFILES to another file`, {
    cause: error,
  });
}
