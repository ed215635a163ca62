import type { Digest } from '../domain/digest.js';
import type { Key } from '../domain/keys.js';

/**
 * One body; a list of segments that names each with its length and checksum; or, as another registry wrote it,
 * whatever segments a listing finds, which nobody notices to be lost.
 */
export type ObjectForm = 'plain' | 'large' | 'legacy';

export interface ObjectFacts {
  readonly form: ObjectForm;
  /** Bytes. */
  readonly size: number;
  /** Names the segments of a legacy object; those that share them have the same. */
  readonly segments?: string;
}

/** A legacy object whose bytes were read and are its digest's. */
export interface SoundObject {
  /**
   * Makes it a large object of the same segments, in one step for its readers. Leaves it to another writer that
   * was faster. @throws StorageError MISMATCH where a segment has changed since; UNAVAILABLE
   */
  convert(): Promise<void>;
}

/** Objects as another registry stored them, and their conversion into the store's own form. */
export interface LegacyObjects {
  /** What the object is as of now. @throws StorageError NOT_FOUND */
  inspect(key: Key): Promise<ObjectFacts>;
  /**
   * Reads all of a legacy object, changing nothing.
   * @throws StorageError MISMATCH where its segments do not have the digest together; NOT_FOUND where it is gone or
   * not legacy any more; UNAVAILABLE
   */
  verify(key: Key, digest: Digest): Promise<SoundObject>;
}
