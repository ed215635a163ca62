import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';

const MOST_REMEMBERED = 10_000;

/** What an upstream lately said that it has not. */
export class MissingContent {
  private readonly until = new LRUCache<string, number>({ max: MOST_REMEMBERED });

  constructor(
    private readonly clock: Clock,
    /** Milliseconds. */
    private readonly maxAge: number,
  ) {}

  /** A tag or digest. */
  has(name: RepositoryName, reference: string): boolean {
    return (this.until.get(`${name} ${reference}`) ?? 0) > this.clock.now();
  }

  note(name: RepositoryName, reference: string): void {
    this.until.set(`${name} ${reference}`, this.clock.now() + this.maxAge);
  }
}
