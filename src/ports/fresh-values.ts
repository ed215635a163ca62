import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.js';

/** What was read, and until when (in milliseconds since 1970) it counts. */
export interface FreshValue<T> {
  readonly value: T;
  readonly until: number;
}

/**
 * What a store said of something, asked again when that is older than `maxAge`; whoever asks while it is being read
 * shares the read. Ages count from the begin of a read.
 */
export class FreshValues<T> {
  /** Grows with each `forget`. */
  changes = 0;
  private readonly entries: LRUCache<string, FreshValue<T>>;
  private readonly running = new Map<string, Promise<T>>();

  constructor(
    private readonly clock: Clock,
    private readonly options: { readonly maxAge: number; readonly entries: number },
    private readonly read: (key: string) => Promise<T>,
  ) {
    this.entries = new LRUCache({ max: options.entries });
  }

  /** What is known now, in a form that tells it from nothing. */
  peek(key: string): FreshValue<T> | undefined {
    const entry = this.entries.get(key);
    return entry !== undefined && entry.until > this.clock.now() ? entry : undefined;
  }

  async get(key: string): Promise<T> {
    const known = this.peek(key);
    if (known !== undefined) return known.value;
    const running = this.running.get(key) ?? this.start(key);
    return running;
  }

  /** Of what was changed here; a read that began before is not remembered. */
  forget(key: string): void {
    this.changes += 1;
    this.entries.delete(key);
    this.running.delete(key);
  }

  private start(key: string): Promise<T> {
    const until = this.clock.now() + this.options.maxAge;
    const reading: Promise<T> = this.read(key).then(
      (value) => {
        if (this.running.get(key) === reading) {
          this.running.delete(key);
          this.entries.set(key, { value, until });
        }
        return value;
      },
      (error: unknown) => {
        if (this.running.get(key) === reading) this.running.delete(key);
        throw error;
      },
    );
    this.running.set(key, reading);
    return reading;
  }
}
