import { setTimeout as delay } from 'node:timers/promises';
import { FORMAT_KEY } from '../domain/keys.js';
import type { Readiness } from '../http/ops/health.js';
import { StorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { ServedStore } from './store-opener.js';

type State = Awaited<ReturnType<Readiness>>;

const IN_TIME: State = { ready: true };
const LATE: State = { ready: false, reason: 'the storage does not answer in time' };

/** How long a store that answered may be slow. */
const LATELY_MILLISECONDS = 15_000;
/** What who asks is made to wait at most. */
const PATIENCE_MILLISECONDS = 3000;

/**
 * Whether the store answers. One that fails is away at once, at its first failure. One that is slow is away only when it
 * has not answered for 15 s: a crowd of pulls slows it for all servers alike, and a balancer that leaves them all out
 * helps nobody.
 */
export class StoreReadiness {
  private answeredAt = -Infinity;
  private looking: Promise<State | undefined> | undefined;

  constructor(
    private readonly store: ServedStore,
    /** Milliseconds that only grow: a wall clock that is set back would keep a store that hangs ready. */
    private readonly elapsed: () => number,
    private readonly patience = PATIENCE_MILLISECONDS,
  ) {}

  /** Answers within 3 s. Asked at once by many, the store is asked once: a full server lets everybody ask. */
  async look(): Promise<State> {
    const { current } = this.store;
    if (current instanceof StorageError) return { ready: false, reason: current.message };
    this.looking ??= this.ask(current.driver).finally(() => (this.looking = undefined));
    const abandon = new AbortController();
    const late = delay(this.patience, undefined, { signal: abandon.signal }).catch(() => undefined);
    const seen = await Promise.race([this.looking, late]);
    abandon.abort();
    if (seen !== undefined) return seen;
    return this.elapsed() - this.answeredAt < LATELY_MILLISECONDS ? IN_TIME : LATE;
  }

  /** Undefined where it did not answer in time. */
  private async ask(driver: StorageDriver): Promise<State | undefined> {
    const signal = AbortSignal.timeout(LATELY_MILLISECONDS);
    try {
      await driver.stat(FORMAT_KEY, { fresh: true, once: true, signal });
      this.answeredAt = this.elapsed();
      return IN_TIME;
    } catch (error) {
      if (signal.aborted || isTimeout(error as Error)) return undefined;
      return { ready: false, reason: `the storage does not answer: ${(error as Error).message}` };
    }
  }
}

/** Such as undici's UND_ERR_CONNECT_TIMEOUT and the system's ETIMEDOUT: a slow store, not one that fails. */
function isTimeout({ cause }: Error): boolean {
  return cause instanceof Error && 'code' in cause && /TIMEOUT|TIMEDOUT/.test(String(cause.code));
}
