import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import type { Invalidation, Invalidations } from '../ports/invalidations.js';

/** Between the workers of one server, by way of the primary. */
type Message =
  | { readonly type: 'publish'; readonly id: number; readonly invalidation: Invalidation }
  | { readonly type: 'forget'; readonly relay: number; readonly invalidation: Invalidation }
  | { readonly type: 'forgotten'; readonly relay: number }
  | { readonly type: 'published'; readonly id: number };

/** For a server of one process: there is nobody to tell. */
export const noInvalidations: Invalidations = {
  publish: () => Promise.resolve(),
  subscribe: () => undefined,
};

/** In a worker: tells the others, and is told. */
export function workerInvalidations(): Invalidations {
  const listeners: ((invalidation: Invalidation) => void)[] = [];
  const waiting = new Map<number, () => void>();
  let lastId = 0;
  process.on('message', (message: Message) => {
    if (message.type === 'published') {
      waiting.get(message.id)?.();
      waiting.delete(message.id);
    } else if (message.type === 'forget') {
      for (const listener of listeners) listener(message.invalidation);
      process.send?.({ type: 'forgotten', relay: message.relay } satisfies Message);
    }
  });
  return {
    publish: (invalidation) =>
      new Promise((resolve) => {
        const id = (lastId += 1);
        waiting.set(id, resolve);
        process.send?.({ type: 'publish', id, invalidation } satisfies Message);
      }),
    subscribe: (listener) => listeners.push(listener),
  };
}

/** A worker that does not answer for so long is stuck: the others do not wait for it any longer. */
const STUCK_AFTER_MS = 2000;

interface Relay {
  readonly waitingFor: Set<number>;
  readonly done: () => void;
  readonly timer: NodeJS.Timeout;
}

/** In the primary: passes on what one worker publishes and answers it when every other has forgotten it. */
export function relayInvalidations(): void {
  const relays = new Map<number, Relay>();
  let lastRelay = 0;
  const finish = (relay: number): void => {
    const entry = relays.get(relay);
    if (entry === undefined) return;
    relays.delete(relay);
    clearTimeout(entry.timer);
    entry.done();
  };
  const settle = (relay: number, worker: number): void => {
    const entry = relays.get(relay);
    entry?.waitingFor.delete(worker);
    if (entry?.waitingFor.size === 0) finish(relay);
  };
  cluster.on('message', (from: Worker, message: Message) => {
    if (message.type === 'forgotten') return settle(message.relay, from.id);
    if (message.type !== 'publish') return;
    const relay = (lastRelay += 1);
    const others = Object.values(cluster.workers ?? {})
      .filter((worker) => worker !== undefined)
      .filter((worker) => worker.id !== from.id && worker.isConnected());
    const done = (): void => {
      if (from.isConnected()) from.send({ type: 'published', id: message.id } satisfies Message);
    };
    const timer = setTimeout(() => finish(relay), STUCK_AFTER_MS);
    relays.set(relay, { waitingFor: new Set([from.id, ...others.map((worker) => worker.id)]), done, timer });
    for (const worker of others) worker.send({ type: 'forget', relay, invalidation: message.invalidation });
    settle(relay, from.id);
  });
  cluster.on('exit', (worker: Worker) => {
    for (const relay of [...relays.keys()]) settle(relay, worker.id);
  });
}
