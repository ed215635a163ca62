import cluster from 'node:cluster';
import type { Address, Worker } from 'node:cluster';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../ports/logger.js';
import { StartError } from './listen.js';
import { relayInvalidations } from './worker-bus.js';

const RESTART_AFTER_MS = 1000;

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
  readonly address: Address;
  /** Passes the signal to stop on and resolves when all have drained. */
  stop(): Promise<void>;
}

/** Starts them all. @throws StartError where one cannot start */
export async function startWorkers(count: number, log: Logger): Promise<Workers> {
  cluster.setupPrimary({ exec: fileURLToPath(new URL('../main.js', import.meta.url)) });
  relayInvalidations();
  let stopping = false;
  cluster.on('exit', (worker: Worker, code: number, signal: string) => {
    if (stopping || started === undefined) return;
    log.error({ worker: worker.id, code, signal }, 'a worker ended and is started again');
    setTimeout(() => {
      if (!stopping) cluster.fork();
    }, RESTART_AFTER_MS);
  });
  let started: Address | undefined;
  const addresses = await Promise.all(Array.from({ length: count }, () => startWorker()));
  const [address] = addresses;
  if (address === undefined) throw new StartError('server.workers must be at least 1');
  started = address;
  return {
    address,
    async stop() {
      stopping = true;
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
      const ended = workers.map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())));
      for (const worker of workers) worker.process.kill('SIGTERM');
      await Promise.all(ended);
    },
  };
}

function startWorker(): Promise<Address> {
  return new Promise((resolve, reject) => {
    const worker = cluster.fork();
    let reason = 'a worker ended while it started; its reason is in the log';
    worker.on('message', (message: Partial<StartFailure>) => {
      if (message.type === 'start-failed' && message.reason !== undefined) reason = message.reason;
    });
    worker.once('listening', resolve);
    worker.once('exit', () => reject(new StartError(reason)));
  });
}
