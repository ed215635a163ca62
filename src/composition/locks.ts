import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import type { Locker } from '../ports/locker.js';

/** Within one process. */
export function processLocks(): Locker {
  const last = new Map<string, Promise<unknown>>();
  return {
    alone(key, work) {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(work, work);
      const settled = mine.then(
        () => undefined,
        () => undefined,
      );
      last.set(key, settled);
      void settled.then(() => {
        if (last.get(key) === settled) last.delete(key);
      });
      return mine;
    },
  };
}

/** Between a worker and the primary of one server. */
type Message =
  | { readonly type: 'lock'; readonly id: number; readonly key: string }
  | { readonly type: 'locked'; readonly id: number }
  | { readonly type: 'unlock'; readonly id: number };

/** In a worker: within all workers of the server, one of which at a time the primary lets go on. */
export function workerLocks(): Locker {
  const inProcess = processLocks();
  const waiting = new Map<number, () => void>();
  let lastId = 0;
  process.on('message', (message: Message) => {
    if (message.type !== 'locked') return;
    waiting.get(message.id)?.();
    waiting.delete(message.id);
  });
  const tell = (message: Message): void => void process.send?.(message);
  return {
    alone: (key, work) =>
      inProcess.alone(key, async () => {
        const id = (lastId += 1);
        await new Promise<void>((resolve) => {
          waiting.set(id, resolve);
          tell({ type: 'lock', id, key });
        });
        try {
          return await work();
        } finally {
          tell({ type: 'unlock', id });
        }
      }),
  };
}

interface Holder {
  readonly worker: Worker;
  readonly id: number;
}

/** In the primary: lets one worker after another hold a lock; one that ends lets go of what it holds. */
export function grantLocks(): void {
  const queues = new Map<string, Holder[]>();
  const next = (key: string, queue: Holder[]): void => {
    const [first] = queue;
    if (first === undefined) queues.delete(key);
    else if (first.worker.isConnected())
      first.worker.send({ type: 'locked', id: first.id } satisfies Message);
  };
  const leave = (isGone: (holder: Holder) => boolean): void => {
    for (const [key, queue] of [...queues]) {
      const [holder] = queue;
      const left = queue.filter((each) => !isGone(each));
      if (left.length === queue.length) continue;
      queues.set(key, left);
      if (holder !== undefined && isGone(holder)) next(key, left);
    }
  };
  cluster.on('message', (worker: Worker, message: Message) => {
    if (message.type === 'lock' && !worker.isDead()) {
      const queue = queues.get(message.key) ?? [];
      queues.set(message.key, queue);
      queue.push({ worker, id: message.id });
      if (queue.length === 1) next(message.key, queue);
    } else if (message.type === 'unlock') {
      leave((holder) => holder.worker.id === worker.id && holder.id === message.id);
    }
  });
  cluster.on('exit', (worker: Worker) => leave((holder) => holder.worker.id === worker.id));
}
