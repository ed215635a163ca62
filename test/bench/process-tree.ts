import { readFile, writeFile } from 'node:fs/promises';

/** CPU seconds and memory of a process and everything below it; `resident` and `peak` in bytes. */
export interface Account {
  readonly cpuSeconds: number;
  readonly resident: number;
  /** Sum of every process's high-water mark since the last `resetPeak`: exact for one process, an upper bound for several. */
  readonly peak: number;
  readonly processes: number;
}

/** USER_HZ, the unit of /proc/<pid>/stat, is 100 on every architecture Debian runs on. */
const ticksPerSecond = 100;

/** A process may end between being listed and being read; only that is forgiven. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}

async function readIfAlive(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The process and its living descendants, the root first. */
async function tree(pid: number): Promise<number[]> {
  const children = await readIfAlive(`/proc/${pid}/task/${pid}/children`);
  if (children === undefined) return [];
  const below = children.trim() === '' ? [] : children.trim().split(' ').map(Number);
  return [pid, ...(await Promise.all(below.map(tree))).flat()];
}

/** utime + stime + those of reaped children, so a worker that ended is still counted (by its parent). */
function cpuSecondsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / ticksPerSecond;
}

function bytesOf(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status);
  return match ? Number(match[1]) * 1024 : 0;
}

/** Reads the account of a whole process tree. A vanished tree counts as zero. */
export async function accountOf(pid: number): Promise<Account> {
  const account = { cpuSeconds: 0, resident: 0, peak: 0, processes: 0 };
  for (const member of await tree(pid)) {
    const stat = await readIfAlive(`/proc/${member}/stat`);
    const status = await readIfAlive(`/proc/${member}/status`);
    if (stat === undefined || status === undefined) continue;
    account.cpuSeconds += cpuSecondsOf(stat);
    account.resident += bytesOf(status, 'VmRSS');
    account.peak += bytesOf(status, 'VmHWM');
    account.processes += 1;
  }
  return account;
}

/** Starts the high-water marks of the whole tree again from what is resident now. */
export async function resetPeak(pid: number): Promise<void> {
  for (const member of await tree(pid)) {
    try {
      await writeFile(`/proc/${member}/clear_refs`, '5');
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** CPU seconds the whole machine has been busy since boot: what is neither ours nor the generator's is other work. */
export async function machineBusySeconds(): Promise<number> {
  const line = (await readFile('/proc/stat', 'latin1')).split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}
