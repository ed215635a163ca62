import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { mirrorUseKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/** How long a mark stands for all uses after it. Milliseconds. */
export const USE_NOTED_FOR = 24 * 60 * 60 * 1000;
const REMEMBERED = 50_000;
/** Marks that wait to be written; a use beyond them has none until the manifest is asked for again. */
const MOST_WAITING = 1000;
const LANES = 4;

interface Use {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/**
 * Marks in the store when manifests of the mirror were asked for, for the purge: one write a manifest and day of this
 * process, which no request waits for.
 */
export class MirrorUses {
  /** Until when a mark is taken to stand. */
  private readonly noted = new LRUCache<string, number>({ max: REMEMBERED });
  private readonly waiting: Use[] = [];
  private readonly writing = new Set<Promise<void>>();

  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
    private readonly log: Pick<Logger, 'debug'>,
  ) {}

  /** Never throws. */
  note(name: RepositoryName, digest: Digest): void {
    const use = `${name}@${digest.toString()}`;
    const now = this.clock.now();
    if ((this.noted.get(use) ?? 0) > now || this.waiting.length >= MOST_WAITING) return;
    this.noted.set(use, now + USE_NOTED_FOR);
    this.waiting.push({ name, digest });
    this.writeNext();
  }

  /** Resolves when no mark waits to be written. */
  async idle(): Promise<void> {
    while (this.writing.size > 0) await Promise.all(this.writing);
  }

  private writeNext(): void {
    while (this.writing.size < LANES) {
      const use = this.waiting.shift();
      if (use === undefined) return;
      const writing = this.write(use).then(() => {
        this.writing.delete(writing);
        this.writeNext();
      });
      this.writing.add(writing);
    }
  }

  private async write({ name, digest }: Use): Promise<void> {
    try {
      await this.driver.put(mirrorUseKey(name, digest), new Uint8Array());
    } catch (error) {
      this.noted.delete(`${name}@${digest.toString()}`);
      const fields = { repository: name, digest: digest.toString(), reason: (error as Error).message };
      this.log.debug(fields, 'a use of the mirror could not be marked');
    }
  }
}
