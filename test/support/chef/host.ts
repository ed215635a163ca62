import { copyFile, cp, mkdir, readFile, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'mocha';
import { startChild, Tail, type OwnedChild } from '../child.js';
import { projectRoot } from '../project.js';
import { leaveOut, requireRoot, requireTool } from '../requirement.js';
import { temporaryDirectory } from '../temporary.js';
import { tryTool, ToolError, type ToolOptions, type ToolResult } from '../tool.js';

const HERE = join(projectRoot, 'test', 'support', 'chef');
const CGROUPS = '/sys/fs/cgroup';
const SYSTEMD = '/lib/systemd/systemd';
const START_MS = 20_000;
/** Variables of this machine's environment that would lead out of the host. */
const FOREIGN =
  /^(DOCKER_HOST|DOCKER_CONFIG|XDG_RUNTIME_DIR|REGISTRY_AUTH_FILE|GNUPGHOME|PASSWORD_STORE_DIR|npm_.*|.*_proxy)$/i;
/** Where the host has the converger, the cookbook and what tests write. */
export const BED = '/srv/bed';

/** What one run of the converger said. */
export interface Converge {
  readonly code: number;
  /** All that it printed. */
  readonly output: string;
  /** How many resources it changed. */
  readonly updated: number;
  /** `resource[name]: message` of the one that failed. */
  readonly failure: string | undefined;
  /** The node as Chef would keep it. */
  readonly node: string;
}

export interface ConvergeOptions {
  readonly attributes?: object;
  /** Recipes of the cookbook; else `text` is one. */
  readonly recipes?: readonly string[];
  /** Nothing is changed, and `updated` is what would be. */
  readonly whyRun?: boolean;
}

/** A machine of its own with systemd, on a copy of this one's files. */
export interface ChefHost {
  /** Its process 1, as this machine numbers it. */
  readonly pid: number;
  run(command: string, ...args: readonly string[]): Promise<ToolResult>;
  tryRun(args: readonly string[], options?: ToolOptions): Promise<ToolResult>;
  /** Where this machine finds a file of it; an absolute link there leads astray. */
  path(path: string): string;
  read(path: string): Promise<string>;
  /** Writes a file of root's; its folder is made. */
  write(path: string, text: string, mode?: number): Promise<void>;
  exists(path: string): Promise<boolean>;
  mode(path: string): Promise<string>;
  converge(text: string, options?: ConvergeOptions): Promise<Converge>;
  stop(): Promise<void>;
}

/** Starts one, which has these addresses beside those of the loopback interface; leaves the suite out where it cannot. */
export async function startChefHost(context: Context, addresses: readonly string[]): Promise<ChefHost> {
  requireRoot(context);
  for (const program of ['ruby', 'unshare', 'setpriv', 'nsenter', 'ip', 'systemctl'])
    requireTool(context, program);
  if (!(await there(SYSTEMD))) leaveOut(context, `${SYSTEMD} is not there`);
  const home = await temporaryDirectory('host');
  const groups = await makeCgroups(basename(home.path));
  const enter = groups.map((group) => `echo $$ > ${group}/cgroup.procs`).join('\n');
  const unshare = [
    '-m',
    '-p',
    '-n',
    '-u',
    '-i',
    '-C',
    '--fork',
    '--kill-child=KILL',
    'sh',
    join(HERE, 'bed.sh'),
  ];
  const tail = new Tail();
  // However this process ends, the host ends with it.
  const child = await startChild(
    'sh',
    ['-c', `${enter}\nexec setpriv --pdeathsig KILL unshare "$@"`, 'sh', ...unshare, home.path, ...addresses],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  for (const stream of [child.process.stdout, child.process.stderr])
    stream?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  let first: number | undefined;
  const stop = async () => {
    // unshare ignores SIGTERM; with its process 1 every process of the host ends.
    if (first !== undefined && child.running()) process.kill(first, 'SIGKILL');
    await child.stop(5_000);
    await removeCgroups(groups);
    await home.remove();
  };
  try {
    first = await firstProcess(child, tail);
    const host = hostOf(first, stop);
    await waitUntilRunning(host, child, tail);
    await cp(HERE, host.path(`${BED}/chef`), { recursive: true });
    await cp(join(projectRoot, 'cookbook'), host.path(`${BED}/cookbook`), {
      recursive: true,
      dereference: true,
    });
    return host;
  } catch (error) {
    await stop();
    throw error;
  }
}

function hostOf(pid: number, stop: () => Promise<void>): ChefHost {
  const inside = ['-t', String(pid), '-m', '-p', '-n', '-u', '-i', '-C', '--'];
  const foreign = Object.keys(process.env).filter((name) => FOREIGN.test(name));
  const plain = ['env', ...foreign.flatMap((name) => ['-u', name])];
  const path = (file: string): string => join(`/proc/${pid}/root`, file);
  const tryRun = (args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> =>
    tryTool('nsenter', [...inside, ...plain, ...args], {
      ...options,
      env: { HOME: '/root', ...options.env },
    });
  let runs = 0;
  const host: ChefHost = {
    pid,
    tryRun,
    async run(command, ...args) {
      const result = await tryRun([command, ...args]);
      if (result.code === 0) return result;
      throw new ToolError([command, ...args].join(' '), `exit ${result.code}`, result.stdout, result.stderr);
    },
    path,
    read: async (file) => (await host.run('cat', file)).stdout,
    async write(file, text, mode = 0o600) {
      await mkdir(dirname(path(file)), { recursive: true });
      await writeFile(path(file), text, { mode });
    },
    exists: async (file) => (await tryRun(['sh', '-c', `[ -e '${file}' ] || [ -L '${file}' ]`])).code === 0,
    mode: async (file) => (await host.run('stat', '--format=0%a', file)).stdout.trim(),
    async converge(text, { attributes = {}, recipes, whyRun = false } = {}) {
      const file = (name: string): string => `${BED}/run-${runs}/${name}`;
      runs += 1;
      await host.write(file('recipe.rb'), text);
      await host.write(file('attributes.json'), JSON.stringify(attributes));
      const names = recipes ?? [file('recipe.rb')];
      const why = whyRun ? ['--why-run'] : [];
      const program = ['ruby', `${BED}/chef/converge.rb`, ...why, `${BED}/cookbook`];
      const result = await tryRun([...program, file('attributes.json'), file('node.json'), ...names], {
        timeoutMs: 180_000,
      });
      const output = result.stdout + result.stderr;
      const updated = /^resources updated: (\d+)$/m.exec(output)?.[1];
      if (updated === undefined)
        throw new ToolError('the converger', `exit ${result.code}`, result.stdout, result.stderr);
      return {
        code: result.code,
        output,
        updated: Number(updated),
        failure: /^FATAL: (.*)$/m.exec(output)?.[1],
        node: await host.read(file('node.json')),
      };
    },
    stop,
  };
  return host;
}

async function firstProcess(unshare: OwnedChild, tail: Tail): Promise<number> {
  const deadline = performance.now() + START_MS;
  while (unshare.running() && performance.now() < deadline) {
    const children = (await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8')).trim();
    if (children !== '') return Number(children.split(' ')[0]);
    await delay(20);
  }
  throw new Error(`the host did not start: ${tail.oneLine()}`);
}

async function waitUntilRunning(host: ChefHost, child: OwnedChild, tail: Tail): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (child.running() && performance.now() < deadline) {
    const { code } = await host.tryRun(['systemctl', 'is-active', '--quiet', 'bed.target']);
    if (code === 0) return;
    await delay(100);
  }
  throw new Error(`systemd did not come up in the host: ${tail.oneLine()}`);
}

/** A control group in each hierarchy, which systemd takes for the root. */
async function makeCgroups(name: string): Promise<readonly string[]> {
  const second = await there(join(CGROUPS, 'cgroup.procs'));
  const names = second ? ['.'] : await readdir(CGROUPS);
  const made: string[] = [];
  for (const hierarchy of names.map((each) => join(CGROUPS, each))) {
    if (!(await there(join(hierarchy, 'cgroup.procs')))) continue;
    const group = join(hierarchy, name);
    await mkdir(group);
    for (const set of ['cpuset.cpus', 'cpuset.mems'])
      if (!second && (await there(join(group, set)))) await copyFile(join(hierarchy, set), join(group, set));
    made.push(group);
  }
  return made;
}

/** The kernel ends the host's processes in its own time. */
async function removeCgroups(groups: readonly string[]): Promise<void> {
  for (const group of groups) {
    for (let attempt = 0; ; attempt++) {
      try {
        await removeCgroup(group);
        break;
      } catch (error) {
        if (attempt === 100) throw error;
        await delay(50);
      }
    }
  }
}

async function removeCgroup(group: string): Promise<void> {
  for (const entry of await readdir(group, { withFileTypes: true }))
    if (entry.isDirectory()) await removeCgroup(join(group, entry.name));
  await rmdir(group);
}

async function there(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
