import type { DigestAlgorithm } from '../domain/digest.js';
import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { Segment, SegmentSet, StorageDriver } from '../ports/storage-driver.js';
import type { BlobCommitter } from './blob-committer.js';
import { Digester } from './digester.js';
import type { PrefixDigests } from './digester.js';
import { appendSegments } from './segmenter.js';
import type { UploadSession } from './session-id.js';
import { bytesOf, unknownUpload } from './session-states.js';
import type { UploadState } from './upload-steps.js';

/** Bytes in the store that nobody can read yet, in a segment set that nobody else knows. */
export interface StagedBlob {
  readonly digests: PrefixDigests;
  /** Bytes. */
  readonly size: number;
  readonly session: UploadSession;
  readonly state: UploadState;
}

export interface StageOptions {
  /** One more digest to make; sha256 is made always. */
  readonly algorithm?: DigestAlgorithm;
  /** The most that one segment holds; the driver's own limit without it. */
  readonly pieceBytes?: number;
  /** Told the digests of the whole body once all of it was read, before its end is durable; may refuse it by an error. */
  readonly onHashed?: (digests: PrefixDigests) => void;
  /** Told after each segment what is durable by then, in order. */
  readonly onDurable?: (set: SegmentSet, segments: readonly Segment[]) => void;
}

export interface StagedParts {
  readonly driver: StorageDriver;
  readonly committer: BlobCommitter;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * Bytes that become blobs only when all that came with them is known to be right. They are segments, however few: the
 * memory of what is staged does not grow with what it holds.
 */
export class StagedBlobs {
  /** Those of whose sets a blob may have been made. */
  private readonly given = new WeakSet<StagedBlob>();

  constructor(
    private readonly parts: StagedParts,
    /** Milliseconds after which a set is refused: the purge takes what is older by days. */
    private readonly maxAge: number,
  ) {}

  /**
   * Makes a body durable, hashing as it passes. Of one that fails nothing stays.
   * @throws StorageError; what the body fails with
   */
  async stage(body: AsyncIterable<Uint8Array>, options: StageOptions = {}): Promise<StagedBlob> {
    const { driver, clock, ids } = this.parts;
    const { segmentBytes } = driver.limits;
    const { algorithm = 'sha256', pieceBytes = segmentBytes, onHashed, onDurable } = options;
    const session = { set: ids.unique(), startedAt: clock.now(), subject: '', algorithm };
    const digester = Digester.start(algorithm);
    const source = endingWith(body, () => onHashed?.(digester.digests()));
    let segments: readonly Segment[] = [];
    try {
      const appended = appendSegments(
        driver.segments,
        Math.min(pieceBytes, segmentBytes),
        session.set,
        segments,
        source,
        digester,
      );
      for await (const all of appended) {
        segments = all;
        onDurable?.(session.set, all);
      }
    } catch (error) {
      // A store that failed leaves the rest of the body unread.
      source.return().catch(() => undefined);
      await this.remove(session);
      throw error;
    }
    const [digests, size] = [digester.digests(), digester.size];
    return { session, digests, size, state: { start: 0, end: size, segments, digests } };
  }

  /** @throws StorageError NOT_FOUND for what was discarded or committed */
  read(staged: StagedBlob): AsyncIterable<Uint8Array> {
    return bytesOf(this.parts.driver, staged.session, staged.state);
  }

  /** Whether it can be committed yet. */
  isYoung({ session }: StagedBlob): boolean {
    return this.parts.clock.now() - session.startedAt <= this.maxAge;
  }

  /**
   * Makes it a blob of the repository. Where the store holds the blob undamaged, it is linked alone and nothing of what
   * was staged stays; otherwise the set is the purge's from here on, for a blob may be made of it.
   * @throws RegistryError DIGEST_INVALID, BLOB_UPLOAD_UNKNOWN for what is too old; StorageError
   */
  async commit(name: RepositoryName, digest: Digest, staged: StagedBlob): Promise<void> {
    const { committer } = this.parts;
    if (staged.digests[digest.algorithm]?.equals(digest) !== true) throw new RegistryError('DIGEST_INVALID');
    if (!this.isYoung(staged)) throw unknownUpload('what was staged is too old; start again');
    const member = { stored: staged.digests.sha256, size: staged.size };
    if (await committer.linkStored(name, digest, member)) return this.discard(staged);
    this.given.add(staged);
    await committer.commit(name, digest, staged.session, staged.state);
  }

  /**
   * Removes the segments, unless a blob may have been made of them. Others leave segments to the purge, for a session
   * may go on; of this one nobody else can know. What cannot be removed now the purge removes.
   */
  async discard(staged: StagedBlob): Promise<void> {
    if (staged.size > 0 && !this.given.has(staged)) await this.remove(staged.session);
  }

  private async remove({ set }: UploadSession): Promise<void> {
    try {
      await this.parts.driver.segments.remove(set);
    } catch (error) {
      if (!isStorageError(error)) throw error;
    }
  }
}

/** By the time that the end is asked for, all before it was taken. */
async function* endingWith(
  body: AsyncIterable<Uint8Array>,
  ended: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  yield* body;
  ended();
}
