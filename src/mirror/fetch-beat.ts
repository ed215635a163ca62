import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Segment, SegmentSet } from '../ports/storage-driver.js';
import type { FetchParts } from './fetch-parts.js';

/**
 * Tells all others of the store that a blob is being taken, and how much of it is durable. It only saves others the
 * taking: that it cannot be told stops nobody.
 */
export class FetchBeat {
  private readonly id: string;
  private beat = 0;
  private durable: { readonly set?: SegmentSet; readonly segments: readonly Segment[] } = { segments: [] };
  private telling: Promise<void> | undefined;
  private ended = false;
  private stopBeating: () => void = () => undefined;

  constructor(
    private readonly parts: FetchParts,
    private readonly name: RepositoryName,
    private readonly digest: Digest,
    private readonly size: number,
  ) {
    this.id = parts.ids.unique();
  }

  /** Resolves once it is told. */
  async begin(): Promise<void> {
    await this.tell();
    if (this.ended) return;
    this.stopBeating = this.parts.clock.every(this.parts.limits.beatEvery, () => void this.tell());
  }

  isDurable(set: SegmentSet, segments: readonly Segment[]): void {
    this.durable = { set, segments };
    void this.tell();
  }

  /** Resolves once nobody is told any more. */
  async end(): Promise<void> {
    this.ended = true;
    this.stopBeating();
    await this.telling;
    await this.parts.records.remove(this.name, this.digest).catch(this.failed);
  }

  /** One after the other; what comes meanwhile is told by the next. */
  private async tell(): Promise<void> {
    if (this.telling !== undefined) return;
    const { id, size } = this;
    this.telling = this.parts.records
      .write(this.name, this.digest, { id, size, beat: (this.beat += 1), ...this.durable })
      .catch(this.failed);
    await this.telling;
    this.telling = undefined;
  }

  private readonly failed = (error: Error): void => {
    this.parts.log.debug({ reason: error.message }, 'others are not told what the mirror takes');
  };
}
