import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest } from '../domain/digest.js';
import type { Key } from '../domain/keys.js';
import type { LegacyObjects } from './legacy-objects.js';

/** Why a storage operation failed. Unreadable is not absent: an outage is never NOT_FOUND. */
export type StorageErrorCode =
  'NOT_FOUND' | 'EXISTS' | 'RANGE' | 'MISMATCH' | 'INVALID_KEY' | 'THROTTLED' | 'UNAVAILABLE';

/** The only error that a driver throws for a reason of the store's (an abort is the signal's own reason). */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  /** Seconds; told to clients by THROTTLED and UNAVAILABLE. */
  readonly retryAfter: number;

  constructor(
    readonly code: StorageErrorCode,
    message: string,
    options: { cause?: unknown; retryAfter?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfter = options.retryAfter ?? 5;
  }
}

/** Under the key lie other bytes than were sent, and they could not be taken away. */
export class StoredOtherwise extends StorageError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('UNAVAILABLE', message, options);
  }
}

export function isStorageError(error: unknown, ...codes: readonly StorageErrorCode[]): error is StorageError {
  return error instanceof StorageError && (codes.length === 0 || codes.includes(error.code));
}

export interface ObjectStat {
  /** Bytes. */
  readonly size: number;
  readonly lastModified: Date;
}

export interface Abortable {
  readonly signal?: AbortSignal;
}

/** `fresh` asks for the newest version that any replica holds. */
export interface ReadOptions extends Abortable {
  readonly fresh?: boolean;
}

export interface StatOptions extends ReadOptions {
  /** What fails is not tried again: whether the store answers now. */
  readonly once?: boolean;
}

export interface GetOptions extends ReadOptions {
  readonly range?: ByteRange;
  /** A chunk of the body is the reader's only until it takes the next: the driver may then use its memory again. */
  readonly borrow?: boolean;
}

export interface PutOptions extends Abortable {
  /** EXISTS instead of overwriting. Two overlapping puts may both succeed where the store cannot compare. */
  readonly ifAbsent?: boolean;
  /** Seconds after which nobody needs the object; where a driver has no expiry the purge removes it. */
  readonly expiresAfter?: number;
}

export interface PutVerifiedOptions extends Abortable {
  /** sha256. */
  readonly digest: Digest;
  readonly size: number;
  /** Overwrites what is there: for damaged blobs alone. */
  readonly replace?: boolean;
}

export interface ListOptions extends Abortable {
  /** Ends anywhere, also within a name. */
  readonly prefix: string;
  /** Folds keys that share what follows the prefix up to the delimiter into one of `prefixes`. */
  readonly delimiter?: '/';
  /** Exclusive; a key, or one of `prefixes`, whose whole subtree is then passed over. */
  readonly startAfter?: string;
  readonly limit: number;
}

export interface ListedObject {
  readonly key: Key;
  readonly size: number;
  readonly lastModified: Date;
}

/** Both lists are in order of UTF-8 bytes, and so is their union. At most `limit` entries together. */
export interface Listing {
  readonly objects: readonly ListedObject[];
  /** Each ends in the delimiter. */
  readonly prefixes: readonly string[];
  /** Pass as `startAfter` to go on; absent when there is no more. */
  readonly next?: string;
}

export interface DeleteFailure {
  readonly key: Key;
  readonly error: StorageError;
}

/**
 * Where a registry keeps its bytes. Every driver runs storage-drivers/driver-suite.
 *
 * A write is acknowledged (its promise resolves) only once it would survive the process and the machine.
 * A reader sees an object whole or not at all. Keys are opaque, made by domain/keys.ts.
 */
export interface StorageDriver {
  readonly name: string;
  readonly limits: {
    /** The largest body one `putVerified` or one segment takes. */
    readonly segmentBytes: number;
    /** The most keys one `deleteMany` takes. */
    readonly deleteBatch: number;
    /**
     * Bodies up to this cost less as one small object that is written again at the commit than as a segment; 0 where a
     * segment costs no more.
     */
    readonly inlineBytes: number;
  };
  readonly segments: SegmentStore;
  /** Absent where no other registry stores objects in a form of its own. */
  readonly legacy?: LegacyObjects | undefined;
  /** @throws StorageError NOT_FOUND */
  stat(key: Key, options?: StatOptions): Promise<ObjectStat>;
  /**
   * The body must be read to its end or destroyed. It fails if the store ends it early.
   * @throws StorageError NOT_FOUND; RANGE where the range starts at or after the end; MISMATCH, also from the body,
   * where the store tells that the content is not whole
   */
  get(key: Key, options?: GetOptions): Promise<{ stat: ObjectStat; body: Readable }>;
  /**
   * A small object, read whole.
   * @throws StorageError NOT_FOUND; of some stores for a moment while the object is overwritten
   */
  read(key: Key, options?: ReadOptions): Promise<Buffer>;
  /** A small object, written atomically. @throws StorageError EXISTS with `ifAbsent` */
  put(key: Key, bytes: Uint8Array, options?: PutOptions): Promise<ObjectStat>;
  /**
   * Streams a body that must have exactly this size and digest; otherwise nothing is stored.
   * @throws StorageError MISMATCH; EXISTS only after the body matched; StoredOtherwise
   */
  putVerified(key: Key, body: AsyncIterable<Uint8Array>, options: PutVerifiedOptions): Promise<ObjectStat>;
  /** Whether the parts of the object are proven to be gone or changed. What cannot be read now proves nothing. */
  isDamaged(key: Key): Promise<boolean>;
  list(options: ListOptions): Promise<Listing>;
  /** Idempotent; this object alone. */
  delete(key: Key, options?: Abortable): Promise<void>;
  /** Deletes up to `limits.deleteBatch` keys and tells those that could not be deleted. */
  deleteMany(keys: readonly Key[], options?: Abortable): Promise<readonly DeleteFailure[]>;
  /** A URL that lets its holder read the object until `expiresAt`, where the store offers that. */
  signedUrl(key: Key, options: { method: 'GET' | 'HEAD'; expiresAt: Date }): Promise<URL | undefined>;
  close(): Promise<void>;
}

/** The segments of one upload session. A set is named by lower-case letters, digits and `-`. */
export type SegmentSet = string;

/** A durable part of an upload; what `name` and `etag` mean is the driver's affair. */
export interface Segment {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
}

export interface SegmentSetInfo {
  readonly set: SegmentSet;
  /** Of the newest object in the set. */
  readonly lastModified: Date;
  /** Bytes held. */
  readonly size: number;
}

/** Where the bytes of unfinished uploads lie until they are committed. */
export interface SegmentStore {
  /**
   * Makes one body (at most `limits.segmentBytes`) durable after `recorded`, and answers what then holds all of
   * it, in order. It never changes bytes that `recorded` names, whoever else is writing to the set.
   * A body that throws leaves no segment behind that anybody names.
   * @throws StorageError NOT_FOUND when a recorded segment is seen to be gone; what is not seen here, `commit` sees
   */
  append(
    set: SegmentSet,
    recorded: readonly Segment[],
    body: AsyncIterable<Uint8Array>,
    options?: Abortable,
  ): Promise<readonly Segment[]>;
  /**
   * The bytes in order, without the first `from`: to hash them again, or for a reader who cannot wait for the commit.
   * The stream fails with NOT_FOUND if a segment is gone.
   */
  read(set: SegmentSet, segments: readonly Segment[], from?: number): Readable;
  /**
   * Makes the segments readable under `target` without moving their bytes.
   * @throws StorageError EXISTS (unless `replace`); MISMATCH if a segment is gone or differs
   */
  commit(
    set: SegmentSet,
    segments: readonly Segment[],
    target: Key,
    options?: Abortable & { readonly replace?: boolean },
  ): Promise<ObjectStat>;
  /** For the purge alone; idempotent. What was committed stays readable. */
  remove(set: SegmentSet): Promise<void>;
  /** For the purge alone: whatever an ended or killed process may have left, each set once. */
  list(options: {
    startAfter?: SegmentSet;
    limit: number;
  }): Promise<{ sets: readonly SegmentSetInfo[]; next?: SegmentSet }>;
}
