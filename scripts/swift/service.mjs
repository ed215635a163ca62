import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const STOP_MS = 10_000;
const POLL_MS = 50;

/**
 * A program of the bed: a process group of its own, known by `ROOT/run/NAME.pid`, which holds its process id, when it
 * began (in clock ticks since the system's start, so that an id used again is no match) and what it was started from.
 */
export class Service {
  #pidFile;

  constructor(root, name) {
    this.name = name;
    this.log = join(root, 'log', `${name}.log`);
    this.#pidFile = join(root, 'run', `${name}.pid`);
  }

  /** What its process was started from; undefined when there is no such process. */
  async running() {
    const [pid, began, origin] = ((await read(this.#pidFile)) ?? '').trim().split(' ');
    return began !== undefined && beginning(pid) === began ? { pid: Number(pid), origin } : undefined;
  }

  async start(origin, command, args, env) {
    const log = openSync(this.log, 'a');
    try {
      const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env });
      await new Promise((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
      await writeFile(this.#pidFile, `${child.pid} ${beginning(child.pid)} ${origin}\n`);
    } finally {
      closeSync(log);
    }
  }

  async signal(signal) {
    const running = await this.running();
    if (running !== undefined) signalGroup(running.pid, signal);
  }

  /** SIGTERM, then SIGKILL for what is left of its group. True if it was running. */
  async stop() {
    const running = await this.running();
    if (running !== undefined) {
      for (const signal of ['SIGCONT', 'SIGTERM']) signalGroup(running.pid, signal);
      const deadline = Date.now() + STOP_MS;
      while ((await this.running()) !== undefined && Date.now() < deadline) await delay(POLL_MS);
      signalGroup(running.pid, 'SIGKILL');
    }
    await rm(this.#pidFile, { force: true });
    return running !== undefined;
  }

  /** The last thing that it wrote, for an error message. */
  async lastWords() {
    const lines = ((await read(this.log)) ?? '').trim().split('\n');
    return lines.at(-1) || 'it wrote nothing';
  }
}

/** All that were ever started in ROOT and not stopped. */
export async function services(root) {
  const names = await readdir(join(root, 'run')).catch(() => []);
  return names
    .filter((name) => name.endsWith('.pid'))
    .map((name) => new Service(root, basename(name, '.pid')));
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** When a process began (field 22 of proc(5)); undefined for one that is gone or only waits to be reaped. */
function beginning(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function read(path) {
  return readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
