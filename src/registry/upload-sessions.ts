import { LRUCache } from 'lru-cache';
import type { ByteRange } from '../domain/byte-range.js';
import { Digest } from '../domain/digest.js';
import type { DigestAlgorithm } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Invalidations } from '../ports/invalidations.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { SegmentSet, StorageDriver } from '../ports/storage-driver.js';
import type { BlobCommitter } from './blob-committer.js';
import type { BlobStore } from './blob-store.js';
import { Digester } from './digester.js';
import { appendSegments } from './segmenter.js';
import { decodeSessionId, encodeSessionId } from './session-id.js';
import type { UploadSession } from './session-id.js';
import type { SessionKeys } from './session-keys.js';
import { NOTHING_YET } from './upload-steps.js';
import type { UploadState, UploadSteps } from './upload-steps.js';

/** A request body. Iteration ends quietly, not by an error, when the sender goes away. */
export interface UploadBody extends AsyncIterable<Uint8Array> {
  /** Whether the sender went away before the end; known once iteration has ended. */
  readonly interrupted: boolean;
  /** Bytes, where the sender told. */
  readonly length: number | undefined;
}

/** Where the client believes a session to be: what the last Location said. */
export interface SessionRef {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** How far a session is, for the next Location and Range. */
export interface UploadProgress extends SessionRef {
  readonly set: SegmentSet;
}

/** The client is not where the session is: 416, and where to go on. */
export class UploadOffsetMismatch extends Error {
  override readonly name = 'UploadOffsetMismatch';
  constructor(
    readonly repository: RepositoryName,
    readonly progress: UploadProgress,
  ) {
    super(`the upload continues at offset ${progress.end}`);
  }
}

interface Live {
  readonly state: UploadState;
  readonly digester: Digester;
}

const LIVE_SESSIONS = 4096;
const REMEMBERED_CLOSED = 10_000;

/**
 * Uploads of blobs (OCI distribution-spec "Pushing blobs"). Nothing but the store knows a session: any process
 * of any host takes the next request of it. What a process remembers only saves reading bytes again.
 */
export class UploadSessions {
  private readonly live = new LRUCache<string, Live>({ max: LIVE_SESSIONS });
  private readonly closed = new LRUCache<SegmentSet, true>({ max: REMEMBERED_CLOSED });

  constructor(
    private readonly driver: StorageDriver,
    private readonly keys: SessionKeys,
    private readonly steps: UploadSteps,
    private readonly blobs: BlobStore,
    private readonly committer: BlobCommitter,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly invalidations: Invalidations,
    /** Milliseconds after which a session is refused. */
    private readonly maxAge: number,
  ) {
    invalidations.subscribe((invalidation) => {
      if (invalidation.kind === 'upload') this.closed.set(invalidation.key, true);
    });
  }

  /** Writes nothing. */
  async open(name: RepositoryName, options: { subject: string; algorithm: DigestAlgorithm }): Promise<UploadProgress> {
    const session = { ...options, set: this.ids.unique(), startedAt: this.clock.now() };
    return { id: await encodeSessionId(this.keys, name, session), set: session.set, start: 0, end: 0 };
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async status(name: RepositoryName, ref: SessionRef): Promise<UploadProgress> {
    const session = await this.verify(name, ref.id);
    if ((await this.steps.read(session.set, 0)) === 'closed') throw unknownUpload();
    return progress(ref.id, session, await this.latest(session, await this.stateAt(session, ref)));
  }

  /**
   * Appends a body; what was received of one that is cut off is kept too.
   * @throws UploadOffsetMismatch; RegistryError BLOB_UPLOAD_UNKNOWN, SIZE_INVALID
   */
  async append(name: RepositoryName, ref: SessionRef, body: UploadBody, chunk?: ByteRange): Promise<UploadProgress> {
    const session = await this.verify(name, ref.id);
    const state = await this.stateFor(name, session, ref, chunk);
    const next = await this.receive(session, state, body, chunk);
    if (next.state !== state) await this.record(name, session, ref.id, next);
    return progress(ref.id, session, next.state);
  }

  /**
   * Appends what the body holds, then makes everything a blob of the repository under the digest. May be repeated.
   * @throws UploadOffsetMismatch; RegistryError BLOB_UPLOAD_UNKNOWN, SIZE_INVALID, DIGEST_INVALID
   */
  async finish(
    name: RepositoryName,
    ref: SessionRef,
    digest: Digest,
    body: UploadBody,
    chunk?: ByteRange,
  ): Promise<void> {
    const session = await this.verify(name, ref.id);
    const state = await this.stateFor(name, session, ref, chunk);
    if (state.end === 0 && chunk === undefined && this.isKnownDigest(digest, body)) {
      await this.closingOnMismatch(session, () => this.committer.putKnown(name, digest, body));
      return;
    }
    const next = await this.receiveLast(name, session, state, digest, body, chunk);
    if (next === undefined) return;
    if (body.interrupted) {
      if (next.state !== state) await this.record(name, session, ref.id, next);
      throw new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body was complete');
    }
    const held = await this.heldFor(name, session, ref, state, next.state, digest);
    await this.verify(name, ref.id);
    await this.closingOnMismatch(session, () => this.committer.commit(name, digest, session, held));
  }

  /** A blob in one request, without a session. @throws RegistryError DIGEST_INVALID */
  async putWhole(name: RepositoryName, digest: Digest, body: UploadBody): Promise<void> {
    if (this.isKnownDigest(digest, body)) return this.committer.putKnown(name, digest, body);
    const session: UploadSession = {
      set: this.ids.unique(),
      startedAt: this.clock.now(),
      subject: '',
      algorithm: digest.algorithm,
    };
    const { state } = await this.receive(session, NOTHING_YET, body);
    if (body.interrupted) {
      throw new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body was complete');
    }
    await this.committer.commit(name, digest, session, state);
  }

  /** Whoever comes later is told BLOB_UPLOAD_UNKNOWN; the bytes are the purge's. */
  async cancel(name: RepositoryName, ref: SessionRef): Promise<void> {
    const session = await this.verify(name, ref.id);
    if ((await this.steps.read(session.set, 0)) === 'closed') throw unknownUpload();
    await this.close(session);
  }

  private async close(session: UploadSession): Promise<void> {
    await this.steps.close(session.set);
    this.closed.set(session.set, true);
    await this.invalidations.publish({ kind: 'upload', key: session.set });
  }

  /** A session whose content proved not to be what was announced is over. */
  private async closingOnMismatch(session: UploadSession, commit: () => Promise<void>): Promise<void> {
    try {
      await commit();
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'DIGEST_INVALID') await this.close(session);
      throw error;
    }
  }

  /** One PUT at the final name will do. */
  private isKnownDigest(digest: Digest, body: UploadBody): boolean {
    const { length } = body;
    return digest.algorithm === 'sha256' && length !== undefined && length > 0 && length <= this.driver.limits.segmentBytes;
  }

  private async verify(name: RepositoryName, id: string): Promise<UploadSession> {
    const session = await decodeSessionId(this.keys, name, id);
    if (session === undefined || this.closed.has(session.set)) throw unknownUpload();
    if (this.clock.now() - session.startedAt > this.maxAge) throw unknownUpload('the upload session is too old; start a new one');
    return session;
  }

  /** @throws UploadOffsetMismatch where the chunk does not start at the session's end */
  private async stateFor(
    name: RepositoryName,
    session: UploadSession,
    ref: SessionRef,
    chunk: ByteRange | undefined,
  ): Promise<UploadState> {
    const state = await this.stateAt(session, ref);
    if (chunk === undefined || chunk.start === state.end) return state;
    const latest = await this.latest(session, state);
    if (chunk.start === latest.end) return latest;
    throw new UploadOffsetMismatch(name, progress(ref.id, session, latest));
  }

  /** The state that the client's Location tells of, wherever it was reached. */
  private async stateAt(session: UploadSession, ref: SessionRef): Promise<UploadState> {
    if (ref.end === 0) return NOTHING_YET;
    const live = this.live.get(liveKey(session, ref));
    if (live !== undefined) return live.state;
    const step = await this.steps.read(session.set, ref.start);
    if (step === 'closed') throw unknownUpload();
    return step ?? this.latest(session, NOTHING_YET);
  }

  /** Follows the steps in the store to the last one. */
  private async latest(session: UploadSession, from: UploadState): Promise<UploadState> {
    let state = from;
    for (;;) {
      const next = await this.steps.read(session.set, state.end);
      if (next === 'closed') throw unknownUpload();
      if (next === undefined) return state;
      state = next;
    }
  }

  /** @throws RegistryError SIZE_INVALID where a complete body is not as long as its chunk */
  private async receive(session: UploadSession, state: UploadState, body: UploadBody, chunk?: ByteRange): Promise<Live> {
    const digester = await this.digesterAt(session, state);
    const { segments: store, limits } = this.driver;
    let segments;
    try {
      segments = await appendSegments(store, limits.segmentBytes, session.set, state.segments, body, digester);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownUpload();
      throw error;
    }
    const received = digester.size - state.end;
    const announced = chunk === undefined ? received : chunk.end - chunk.start + 1;
    if (received > announced || (received < announced && !body.interrupted)) {
      throw new RegistryError('SIZE_INVALID', `the chunk has ${received} bytes, its Content-Range ${announced}`);
    }
    if (received === 0) return { state, digester };
    return { state: { start: state.end, end: digester.size, segments, digests: digester.digests() }, digester };
  }

  /**
   * As `receive`. Undefined where the session's bytes are gone because this very request was answered before:
   * then the repository holds the blob.
   */
  private async receiveLast(
    name: RepositoryName,
    session: UploadSession,
    state: UploadState,
    digest: Digest,
    body: UploadBody,
    chunk: ByteRange | undefined,
  ): Promise<Live | undefined> {
    if (body.length === 0) return { state, digester: Digester.start('sha256') };
    try {
      return await this.receive(session, state, body, chunk);
    } catch (error) {
      const gone = error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN';
      if (gone && (await this.blobs.has(name, digest))) return undefined;
      throw error;
    }
  }

  /**
   * What a closing PUT is about: where its Location was old and it brought no bytes, the session as the store
   * knows it.
   */
  private async heldFor(
    name: RepositoryName,
    session: UploadSession,
    ref: SessionRef,
    before: UploadState,
    after: UploadState,
    digest: Digest,
  ): Promise<UploadState> {
    if (digest.algorithm !== 'sha256' || after.digests?.sha256.equals(digest) === true) return after;
    const latest = await this.latest(session, before);
    if (latest.end === before.end) return after;
    if (after.end === before.end) return latest;
    throw new UploadOffsetMismatch(name, progress(ref.id, session, latest));
  }

  /** Of two writers at one offset the first to record wins; the other learns where the session is. */
  private async record(name: RepositoryName, session: UploadSession, id: string, next: Live): Promise<void> {
    const { state } = next;
    if (state.digests === undefined) return;
    try {
      await this.steps.write(session.set, { ...state, digests: state.digests });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      const theirs = await this.steps.read(session.set, state.start);
      if (theirs === 'closed' || theirs === undefined) throw unknownUpload();
      if (JSON.stringify(theirs) !== JSON.stringify(state)) {
        throw new UploadOffsetMismatch(name, progress(id, session, await this.latest(session, theirs)));
      }
    }
    this.live.set(liveKey(session, state), next);
  }

  private async digesterAt(session: UploadSession, state: UploadState): Promise<Digester> {
    const digester = Digester.start(session.algorithm);
    if (state.end === 0) return digester;
    const live = this.live.get(liveKey(session, state));
    if (live !== undefined) return live.digester.copy();
    try {
      for await (const chunk of this.driver.segments.read(session.set, state.segments)) digester.update(chunk as Buffer);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownUpload();
      throw error;
    }
    if (state.digests?.sha256.equals(digester.digests().sha256) !== true) {
      throw new RegistryError('BLOB_UPLOAD_INVALID', 'the bytes of the upload session changed; start a new one');
    }
    return digester;
  }
}

function liveKey(session: UploadSession, at: { start: number; end: number }): string {
  return `${session.set}@${at.start}-${at.end}`;
}

function progress(id: string, session: UploadSession, state: UploadState): UploadProgress {
  return { id, set: session.set, start: state.start, end: state.end };
}

function unknownUpload(message?: string): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', message);
}
