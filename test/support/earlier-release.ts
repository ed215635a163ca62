import { symlink, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './project.js';
import { temporaryDirectory } from './temporary.js';
import { runTool, tryTool } from './tool.js';

/** What the tests take for the last release while no tag is an ancestor of this commit: the newest first. */
const UNTAGGED_RELEASES = [{ version: '0.1.0', commit: '0f26736' }] as const;

export interface EarlierRelease {
  /** Such as `v0.1.0`. */
  readonly name: string;
  /** Its compiled `main.js`. */
  readonly main: string;
  remove(): Promise<void>;
}

/**
 * The newest release before this commit, its sources compiled in a directory of their own.
 * @throws where the history of this checkout does not reach back to it, with what to do
 */
export async function buildEarlierRelease(): Promise<EarlierRelease> {
  const { name, commit } = await earlierRelease();
  const home = await temporaryDirectory('release');
  try {
    const archive = join(home.path, 'release.tar');
    await git('archive', '--output', archive, commit);
    await runTool('tar', ['-xf', archive, '-C', home.path]);
    await provideModules(home.path);
    const build = { extends: './tsconfig.json', include: ['src', 'storage-drivers'] };
    await writeFile(join(home.path, 'tsconfig.release.json'), JSON.stringify(build));
    const compiler = join(home.path, 'node_modules', 'typescript', 'bin', 'tsc');
    // It was checked when it was released; here its code alone is wanted.
    const args = [compiler, '-p', 'tsconfig.release.json', '--noCheck'];
    await runTool(process.execPath, args, { cwd: home.path });
  } catch (error) {
    await home.remove();
    throw error;
  }
  return { name, main: join(home.path, 'dist', 'src', 'main.js'), remove: () => home.remove() };
}

/** A tag of this very commit is not an earlier one. */
async function earlierRelease(): Promise<{ name: string; commit: string }> {
  const tagged = await tryGit('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^');
  if (tagged.code === 0) return { name: tagged.stdout.trim(), commit: tagged.stdout.trim() };
  const [{ version, commit }] = UNTAGGED_RELEASES;
  if ((await tryGit('cat-file', '-e', `${commit}^{commit}`)).code === 0)
    return { name: `v${version}`, commit };
  throw new Error(
    `no earlier release to test with: ${projectRoot} has no tag v* and no commit ${commit} (${version}), as in a shallow clone; fetch its history with git fetch --unshallow --tags`,
  );
}

/** Those of this checkout where it is locked to the same packages, else its own from the registry. */
async function provideModules(directory: string): Promise<void> {
  const [ours, theirs] = await Promise.all([projectRoot, directory].map(lockedPackages));
  if (ours === theirs) await symlink(join(projectRoot, 'node_modules'), join(directory, 'node_modules'));
  else await runTool('npm', ['ci', '--no-audit', '--no-fund'], { cwd: directory, timeoutMs: 300_000 });
}

/** Each package with its integrity, in one text. */
async function lockedPackages(directory: string): Promise<string> {
  const { packages } = JSON.parse(await readFile(join(directory, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, { version, integrity }]) => `${path} ${version} ${integrity}`)
    .sort()
    .join('\n');
}

const git = (...args: readonly string[]) => runTool('git', ['-C', projectRoot, ...args]);
const tryGit = (...args: readonly string[]) => tryTool('git', ['-C', projectRoot, ...args]);
