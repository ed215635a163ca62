import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { StorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { StoreOutage } from './store.js';
import type { OpenStore } from './store.js';

/** A store that is served: open, or kept away for now. */
export interface ServedStore {
  readonly current: OpenStore | StorageError;
  /** Calls back once: now, or when the store opens. */
  whenOpen(listener: (store: OpenStore) => void): void;
  close(): Promise<void>;
}

export function alreadyOpen(store: OpenStore): ServedStore {
  return { current: store, whenOpen: (listener) => listener(store), close: () => store.driver.close() };
}

export interface OpenerParts {
  /** A driver for one attempt; it is closed where the attempt fails. */
  readonly createDriver: () => StorageDriver;
  /** @throws StoreOutage; StartError for a store that cannot be served as it is */
  readonly open: (driver: StorageDriver) => Promise<OpenStore>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds. */
export interface OpenerTimes {
  /** For the first attempt, before serving begins without it. */
  readonly first: number;
  /** Between attempts: the first, doubled each time up to the last. */
  readonly leastWait: number;
  readonly mostWait: number;
}

export const OPENER_TIMES: OpenerTimes = { first: 5000, leastWait: 1000, mostWait: 15_000 };

/** Opens a store that may be away, again and again until it succeeds. Tells the log once of each reason. */
export class OpeningStore implements ServedStore {
  current: OpenStore | StorageError = new StorageError('UNAVAILABLE', 'the store is being opened');
  private readonly listeners: ((store: OpenStore) => void)[] = [];
  private attempted: StorageDriver | undefined;
  private told: string | undefined;
  private wait: number;
  private cancelTimer: () => void = () => undefined;
  private closed = false;

  private constructor(
    private readonly parts: OpenerParts,
    private readonly times: OpenerTimes,
  ) {
    this.wait = times.leastWait;
  }

  /**
   * Answers after the first attempt, or while it still lasts after `times.first`.
   * @throws StartError where that attempt finds a store that cannot be served
   */
  static async start(parts: OpenerParts, times: OpenerTimes = OPENER_TIMES): Promise<OpeningStore> {
    const opening = new OpeningStore(parts, times);
    const attempt = opening.attempt();
    const late = new Promise<'late'>((resolve) => opening.after(times.first, () => resolve('late')));
    const failure = await Promise.race([attempt, late]);
    opening.cancelTimer();
    if (failure === 'late') {
      opening.degrade(new Error(`the store has not answered within ${times.first / 1000} s`));
      void attempt.then((later) => opening.settle(later));
    } else if (failure === undefined || failure instanceof StoreOutage) opening.settle(failure);
    else throw failure;
    return opening;
  }

  whenOpen(listener: (store: OpenStore) => void): void {
    if (this.current instanceof StorageError) this.listeners.push(listener);
    else listener(this.current);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelTimer();
    await this.attempted?.close();
  }

  /** Answers what went wrong. */
  private async attempt(): Promise<Error | undefined> {
    let driver: StorageDriver | undefined;
    try {
      driver = this.parts.createDriver();
      this.attempted = driver;
      const store = await this.parts.open(driver);
      if (!this.closed) this.opened(store);
      return undefined;
    } catch (error) {
      this.attempted = undefined;
      await driver?.close().catch(() => undefined); // the error at hand is the one to tell
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private opened(store: OpenStore): void {
    this.current = store;
    if (this.told !== undefined) this.parts.log.info({}, 'the store is open; serving');
    for (const listener of this.listeners.splice(0)) listener(store);
  }

  private settle(failure: Error | undefined): void {
    if (failure === undefined || this.closed) return;
    this.degrade(failure);
    this.after(this.wait, () => void this.attempt().then((next) => this.settle(next)));
    this.wait = Math.min(this.wait * 2, this.times.mostWait);
  }

  private degrade(failure: Error): void {
    const { message } = failure;
    const retryAfter = failure instanceof StoreOutage ? { retryAfter: failure.cause.retryAfter } : {};
    this.current = new StorageError('UNAVAILABLE', message, { cause: failure, ...retryAfter });
    if (message === this.told) return;
    this.told = message;
    this.parts.log.error({ reason: message }, 'not ready: calls are answered 503 until the store opens');
  }

  private after(milliseconds: number, callback: () => void): void {
    this.cancelTimer();
    this.cancelTimer = this.parts.clock.every(milliseconds, () => {
      this.cancelTimer();
      callback();
    });
  }
}
