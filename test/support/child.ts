import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

const live = new Set<ChildProcess>();

// Whatever ends this process, nothing that it started outlives it: each is ended by its own id, and with SIGTERM, so that
// a daemon can end its own children.
process.on('exit', () => {
  for (const child of live) child.kill('SIGTERM');
});
for (const [signal, number] of [
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => process.exit(128 + number));
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface OwnedChild {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Settles once the process has ended and its output is read to the end. */
  readonly ended: Promise<Exit>;
  running(): boolean;
  /** SIGTERM, then SIGKILL once `graceMs` have passed; `forced` tells which of them ended it. */
  stop(graceMs: number): Promise<Exit & { forced: boolean }>;
}

/** Starts a process that is ended with this one. Rejects when it cannot be started at all. */
export async function startChild(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<OwnedChild> {
  const child = spawn(command, [...args], options);
  const ended = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      live.delete(child);
      resolve({ code, signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new Error(`${command} could not be started: ${error.message}`, { cause: error })),
    );
  });
  live.add(child);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command} has no process id`);
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    process: child,
    pid,
    ended,
    running,
    async stop(graceMs) {
      if (running()) child.kill('SIGTERM');
      const abandon = new AbortController();
      const forced = await Promise.race([
        ended.then(() => false),
        delay(graceMs, true, { signal: abandon.signal }).catch(() => false),
      ]);
      abandon.abort();
      if (forced) child.kill('SIGKILL');
      return { ...(await ended), forced };
    },
  };
}

/** Keeps the last lines of what a process prints, for its error message. */
export class Tail {
  #text = '';

  add(chunk: string): void {
    this.#text = (this.#text + chunk).slice(-8192);
  }

  /** The last `lines` lines joined to one. */
  oneLine(lines = 8): string {
    const kept = this.#text.trim().split('\n').slice(-lines).join(' | ');
    return kept === '' ? '(no output)' : kept;
  }

  text(): string {
    return this.#text;
  }
}
