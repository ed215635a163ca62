import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Whether this system tells the memory of a process. */
export const memoryIsKnown: boolean = existsSync('/proc/self/status');

/** Samples the resident memory of a process and its children once a second and keeps the highest of each. */
export class MemoryWatch {
  readonly #peaks = new Map<number, number>();
  readonly #timer: NodeJS.Timeout;
  #sampling: Promise<void> = Promise.resolve();

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      this.#sampling = this.#sampling.then(() => this.#sample(pid));
    }, 1000);
  }

  /** Stops and returns the highest resident size in MiB of each process, by its id. */
  async stop(): Promise<ReadonlyMap<number, number>> {
    clearInterval(this.#timer);
    await this.#sampling;
    return this.#peaks;
  }

  async #sample(pid: number): Promise<void> {
    const children = await read(`/proc/${pid}/task/${pid}/children`);
    for (const each of [pid, ...children.trim().split(' ').filter(Boolean).map(Number)]) {
      const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(await read(`/proc/${each}/status`))?.[1] ?? 0);
      this.#peaks.set(each, Math.max(this.#peaks.get(each) ?? 0, kibibytes / 1024));
    }
  }
}

/** Empty for a process that has just ended. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
