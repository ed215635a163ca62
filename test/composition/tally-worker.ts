import { shareActivity, workerExchange } from '../../src/composition/shared-counters.js';
import { systemClock } from '../../src/composition/system.js';
import { MirrorActivity } from '../../src/mirror/mirror-activity.js';

/** What a test has a worker do: count so many bytes, and tell when it knows of so many. */
export interface TallyTask {
  readonly type: 'count';
  readonly bytes: number;
  readonly until: number;
}

/** What the worker tells. */
export type TallyTold = { readonly type: 'ready' | 'knows' };

const activity = new MirrorActivity(['a']);
shareActivity(activity, workerExchange(), systemClock);

process.on('message', ({ type, bytes, until }: TallyTask) => {
  if (type !== 'count') return;
  activity.counters.mirrorEvent({ upstream: 'a', kind: 'received', bytes });
  const timer = setInterval(() => {
    if (activity.totals('a').bytesReceived !== until) return;
    clearInterval(timer);
    process.send?.({ type: 'knows' } satisfies TallyTold);
  }, 10);
});
process.send?.({ type: 'ready' } satisfies TallyTold);
