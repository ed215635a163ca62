import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';

const FIRST_MS = 100;
const LONGEST_MS = 5000;

/** The waits between repetitions of one request: doubling, scattered, and over after `limit` milliseconds. */
export class Backoff {
  private readonly deadline: number;
  private wait = FIRST_MS;

  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    limit: number,
  ) {
    this.deadline = clock.now() + limit;
  }

  /** Waits, at least the seconds that the server asked for; false, at once, where the time would be over. */
  async again(signal?: AbortSignal, retryAfter = 0): Promise<boolean> {
    const scatter = 0.5 + (this.ids.secret(1)[0] ?? 0) / 512;
    const wait = Math.max(this.wait * scatter, retryAfter * 1000);
    if (this.clock.now() + wait > this.deadline) return false;
    this.wait = Math.min(this.wait * 2, LONGEST_MS);
    await delay(wait, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    return true;
  }
}
