import type { Digest } from '../../domain/digest.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import { isStorageError } from '../../ports/storage-driver.js';
import type { Segment, SegmentSet } from '../../ports/storage-driver.js';
import type { FetchParts } from './fetch-parts.js';
import type { FetchRecord, NewFetchRecord } from './fetch-records.js';

/**
 * Tells all others of the store that a blob is being taken, and how much of it is durable. It only saves others the
 * taking: that it cannot be told stops nobody.
 */
export class FetchBeat {
  private readonly id: string;
  private beat = 0;
  private known: Omit<NewFetchRecord, 'id' | 'beat'> = { segments: [] };
  private telling: Promise<void> | undefined;
  private untold = false;
  /** Nobody is told any more, or another tells. */
  private silent = true;
  private stopBeating: () => void = () => undefined;

  constructor(
    private readonly parts: FetchParts,
    private readonly name: RepositoryName,
    private readonly digest: Digest,
  ) {
    this.id = parts.ids.unique();
  }

  /** Answers who takes the blob already, but for an attempt that is dead; undefined where it is ours to take now. */
  async claim(dead: string | undefined): Promise<FetchRecord | undefined> {
    const { records, clock, limits } = this.parts;
    try {
      if (!(await records.create(this.name, this.digest, this.record()))) {
        const other = await records.read(this.name, this.digest);
        if (other !== undefined && other.id !== dead && other.ended === undefined) return other;
        await records.write(this.name, this.digest, this.record());
      }
      this.silent = false;
      this.stopBeating = clock.every(limits.beatEvery, () => void this.tell());
    } catch (error) {
      this.failed(error);
    }
    return undefined;
  }

  isSized(size: number): void {
    this.known = { ...this.known, size };
    void this.tell();
  }

  isDurable(set: SegmentSet, segments: readonly Segment[]): void {
    this.known = { ...this.known, set, segments };
    void this.tell();
  }

  /** Resolves once that is told, too. */
  async end(ended: 'stored' | 'failed'): Promise<void> {
    this.stopBeating();
    this.known = { ...this.known, ended };
    await this.tell();
    this.silent = true;
  }

  /** One after the other; resolves once what came meanwhile is told, too. */
  private async tell(): Promise<void> {
    if (this.silent) return;
    this.untold = true;
    await (this.telling ??= this.tellAll());
  }

  private async tellAll(): Promise<void> {
    try {
      while (this.untold && !this.silent) {
        this.untold = false;
        await this.write().catch((error: unknown) => this.failed(error));
      }
    } finally {
      this.telling = undefined;
    }
  }

  /** Two that began in the same moment may both think that it is theirs: who finds the other's record is silent. */
  private async write(): Promise<void> {
    if (await this.isOurs()) await this.parts.records.write(this.name, this.digest, this.record());
    else this.silent = true;
  }

  private async isOurs(): Promise<boolean> {
    const record = await this.parts.records.read(this.name, this.digest);
    return record === undefined || record.id === this.id;
  }

  private record(): NewFetchRecord {
    return { id: this.id, beat: (this.beat += 1), ...this.known };
  }

  /** @throws what is no failure of the store's */
  private failed(error: unknown): void {
    if (!isStorageError(error)) throw error;
    const { message: reason } = error;
    this.parts.log.debug({ repository: this.name, reason }, 'others are not told what the mirror takes');
  }
}
