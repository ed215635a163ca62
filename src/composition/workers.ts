import cluster from 'node:cluster';
import type { Address, Worker } from 'node:cluster';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../ports/logger.js';
import { StartError } from './listen.js';
import { grantLocks } from './locks.js';
import { relayTallies } from './shared-counters.js';
import { relayInvalidations } from './worker-bus.js';

const RESTART_AFTER_MS = 1000;

/**
 * As the start script and the command have it. Chunks of bodies live outside the heap: with node's small young
 * generation they grow old, and with its small first limit for what is old the whole heap is marked for each 8 MiB of
 * pushes. Both together halve the CPU of a push of 1 MiB; neither can be set from inside the process.
 */
export const HEAP_FLAGS = ['--min-semi-space-size=16', '--initial-old-space-size=96'] as const;

/** What a worker tells before it gives up starting. */
export interface StartFailure {
  readonly type: 'start-failed';
  readonly reason: string;
}

export function workerCount(configured: number | 'auto'): number {
  return configured === 'auto' ? availableParallelism() : configured;
}

/** The workers of one server, kept up until `stop`. */
export interface Workers {
  /** Those that each listens on, in the order in which it began. */
  readonly addresses: readonly [Address, ...Address[]];
  /** Resolves when all have drained. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts them all, each with the arguments of `main`, until each listens on so many addresses.
 * @throws StartError where one cannot start
 */
export async function startWorkers(
  count: number,
  args: readonly string[],
  log: Logger,
  listening = 1,
): Promise<Workers> {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('../main.js', import.meta.url)),
    execArgv: [...HEAP_FLAGS],
    args: [...args],
  });
  relayInvalidations();
  grantLocks();
  relayTallies();
  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  // A message to one that is dying fails; that it ended is told by `exit`.
  cluster.on('fork', (worker: Worker) => {
    worker.on('error', (error) =>
      log.warn({ worker: worker.id, reason: error.message }, 'a worker is not reached'),
    );
  });
  cluster.on('exit', (worker: Worker, code: number, signal: string) => {
    if (state !== 'serving') return;
    log.error({ worker: worker.id, code, signal }, 'a worker ended and is started again');
    setTimeout(() => {
      if (state !== 'serving') return;
      startWorker(listening).catch((error: Error) =>
        log.error({ reason: error.message }, 'a worker could not start'),
      );
    }, RESTART_AFTER_MS);
  });
  const stop = async (): Promise<void> => {
    state = 'stopping';
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    const ended = workers.map((worker) => new Promise<void>((done) => worker.once('exit', () => done())));
    for (const worker of workers) worker.process.kill('SIGTERM');
    await Promise.all(ended);
  };
  try {
    const starting = Array.from({ length: count }, () => startWorker(listening));
    const [addresses] = await Promise.all(starting);
    if (addresses === undefined) throw new StartError('server.workers must be at least 1');
    state = 'serving';
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startWorker(listening: number): Promise<Workers['addresses']> {
  return new Promise((resolve, reject) => {
    const worker = cluster.fork();
    let reason = 'a worker ended while it started; its reason is in the log';
    worker.on('message', (message: Partial<StartFailure>) => {
      if (message.type === 'start-failed' && message.reason !== undefined) reason = message.reason;
    });
    const addresses: Address[] = [];
    worker.on('listening', (address: Address) => {
      addresses.push(address);
      const [first, ...others] = addresses;
      if (first !== undefined && addresses.length === listening) resolve([first, ...others]);
    });
    worker.once('exit', () => reject(new StartError(reason)));
  });
}
