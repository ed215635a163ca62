import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { NO_TALLY, together } from '../mirror/mirror-activity.js';
import type { MirrorActivity, MirrorTally } from '../mirror/mirror-activity.js';
import type { Clock } from '../ports/clock.js';

/** How often a process tells what it did, if that changed. */
const EVERY = 1000;

/** Between the processes of one server, by way of the primary. */
type Message =
  | { readonly type: 'mirror-tally'; readonly tally: MirrorTally }
  | { readonly type: 'mirror-others'; readonly others: MirrorTally };

/** Where a process tells what it did of the mirror's work, and hears what all others did. */
export interface TallyExchange {
  tell(tally: MirrorTally): void;
  hear(listener: (others: MirrorTally) => void): void;
}

/** For a server of one process: there is nobody to tell. */
export const noExchange: TallyExchange = { tell: () => undefined, hear: () => undefined };

/** In a worker. */
export function workerExchange(): TallyExchange {
  return {
    tell: (tally) => void process.send?.({ type: 'mirror-tally', tally } satisfies Message),
    hear: (listener) =>
      process.on('message', (message: Message) => {
        if (message.type === 'mirror-others') listener(message.others);
      }),
  };
}

/** In the primary: adds up what the workers tell, and tells each what the others did. */
export function relayTallies(): void {
  const hub = new TallyHub();
  cluster.on('message', (worker: Worker, message: Message) => {
    if (message.type !== 'mirror-tally' || worker.isDead()) return;
    hub.told(worker.id, message.tally, (others) => {
      if (worker.isConnected()) worker.send({ type: 'mirror-others', others } satisfies Message);
    });
  });
  cluster.on('exit', (worker: Worker) => hub.ended(worker.id));
}

interface Member {
  tally: MirrorTally;
  readonly send: (others: MirrorTally) => void;
}

/** Adds up what members tell. What one that ended had told stays. */
export class TallyHub {
  private readonly members = new Map<number, Member>();
  private ofEnded: MirrorTally = NO_TALLY;

  /** All that the member did so far. Tells the others, and the member too when it is new. */
  told(id: number, tally: MirrorTally, send: Member['send']): void {
    const member = this.members.get(id);
    if (member === undefined) {
      this.members.set(id, { tally, send });
      send(this.othersOf(id));
    } else member.tally = tally;
    for (const [other, { send: tell }] of this.members) if (other !== id) tell(this.othersOf(other));
  }

  ended(id: number): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    this.ofEnded = together([this.ofEnded, member.tally]);
  }

  private othersOf(id: number): MirrorTally {
    const others = [...this.members].filter(([other]) => other !== id).map(([, { tally }]) => tally);
    return together([this.ofEnded, ...others]);
  }
}

/** Tells the others what this process did, at once and whenever it changed, and hears of them. Answers how to stop. */
export function shareActivity(activity: MirrorActivity, exchange: TallyExchange, clock: Clock): () => void {
  let told = -1;
  const tell = (): void => {
    if (activity.changes === told) return;
    told = activity.changes;
    exchange.tell(activity.own());
  };
  exchange.hear((others) => activity.hear(others));
  tell();
  const stop = clock.every(EVERY, tell);
  return () => {
    stop();
    tell();
  };
}
