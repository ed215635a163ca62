import { LRUCache } from 'lru-cache';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest, DigestAlgorithm } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Invalidations } from '../ports/invalidations.js';
import type { SegmentSet, StorageDriver } from '../ports/storage-driver.js';
import type { BlobCommitter } from './blob-committer.js';
import type { BlobStore } from './blob-store.js';
import { Digester, digestOf } from './digester.js';
import { UploadOffsetMismatch, cutOff, progressOf, unknownUpload } from './session-states.js';
import type { SessionRef, SessionStates, UploadProgress } from './session-states.js';
import { decodeSessionId, encodeSessionId } from './session-id.js';
import type { UploadSession } from './session-id.js';
import type { SessionKeys } from './session-keys.js';
import { StagedBlobs } from './staged-blobs.js';
import type { Received, UploadBody, UploadReceiver } from './upload-receiver.js';
import { NOTHING_YET } from './upload-steps.js';
import type { UploadState, UploadSteps } from './upload-steps.js';

export interface UploadParts {
  readonly driver: StorageDriver;
  readonly keys: SessionKeys;
  readonly steps: UploadSteps;
  readonly states: SessionStates;
  readonly receiver: UploadReceiver;
  readonly blobs: BlobStore;
  readonly committer: BlobCommitter;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly invalidations: Invalidations;
}

/** Bytes; what is appended to a shorter segment is joined with it (OCI distribution-spec "OCI-Chunk-Min-Length"). */
export const CHUNK_MIN_LENGTH = 1024 * 1024;

const REMEMBERED_CLOSED = 10_000;

/**
 * Uploads of blobs (OCI distribution-spec "Pushing blobs"). Nothing but the store knows a session: any process
 * of any host takes the next request of it. What a process remembers only saves reading bytes again.
 */
export class UploadSessions {
  /** Uploads without a session, of many blobs at once. */
  readonly staged: StagedBlobs;
  private readonly closed = new LRUCache<SegmentSet, true>({ max: REMEMBERED_CLOSED });

  constructor(
    private readonly parts: UploadParts,
    /** Milliseconds after which a session is refused. */
    private readonly maxAge: number,
  ) {
    this.staged = new StagedBlobs(parts, maxAge);
    parts.invalidations.subscribe((invalidation) => {
      if (invalidation.kind === 'upload') this.closed.set(invalidation.key, true);
    });
  }

  /** Writes nothing. */
  async open(
    name: RepositoryName,
    options: { subject: string; algorithm: DigestAlgorithm },
  ): Promise<UploadProgress> {
    const session = { ...options, set: this.parts.ids.unique(), startedAt: this.parts.clock.now() };
    return { id: await encodeSessionId(this.parts.keys, name, session), set: session.set, start: 0, end: 0 };
  }

  /** Who opened a session, and when; undefined for an id that no node of this store issued. */
  async openedAs(
    name: RepositoryName,
    id: string,
  ): Promise<Pick<UploadSession, 'subject' | 'startedAt'> | undefined> {
    return decodeSessionId(this.parts.keys, name, id);
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async status(name: RepositoryName, ref: SessionRef): Promise<UploadProgress> {
    const session = await this.verify(name, ref.id);
    await this.parts.states.requireOpen(session);
    return progressOf(
      ref.id,
      session,
      await this.parts.states.latest(session, await this.parts.states.at(session, ref)),
    );
  }

  /**
   * Appends a body; what was received of one that is cut off is kept too, and the whole segments of one at which
   * the store fails.
   * @throws UploadOffsetMismatch; RegistryError BLOB_UPLOAD_UNKNOWN, SIZE_INVALID; StorageError
   */
  async append(
    name: RepositoryName,
    ref: SessionRef,
    body: UploadBody,
    chunk?: ByteRange,
  ): Promise<UploadProgress> {
    const session = await this.verify(name, ref.id);
    const state = await this.stateFor(name, session, ref, chunk);
    const next = await this.parts.receiver.receive(session, state, body, chunk);
    await this.parts.receiver.record(name, session, ref, state, next);
    return progressOf(ref.id, session, next.state);
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
      await this.closingOnMismatch(session, () => this.parts.committer.putKnown(name, digest, body));
      return;
    }
    const next = await this.receiveLast(name, session, state, digest, body, chunk);
    if (next === undefined) return;
    if (body.interrupted || next.failure !== undefined) {
      await this.parts.receiver.record(name, session, ref, state, next);
      throw cutOff();
    }
    const held = await this.heldFor(name, session, ref, state, next.state, digest);
    await this.verify(name, ref.id);
    await this.closingOnMismatch(session, () => this.parts.committer.commit(name, digest, session, held));
    this.parts.states.forget(session, held);
  }

  /** A blob in one request, without a session. @throws RegistryError DIGEST_INVALID */
  async putWhole(name: RepositoryName, digest: Digest, body: UploadBody): Promise<void> {
    if (this.isKnownDigest(digest, body)) return this.parts.committer.putKnown(name, digest, body);
    const session: UploadSession = {
      set: this.parts.ids.unique(),
      startedAt: this.parts.clock.now(),
      subject: '',
      algorithm: digest.algorithm,
    };
    const { state, failure } = await this.parts.receiver.receive(session, NOTHING_YET, body);
    if (failure !== undefined) throw failure;
    if (body.interrupted) {
      throw cutOff();
    }
    await this.parts.committer.commit(name, digest, session, state);
  }

  /** Whoever comes later is told BLOB_UPLOAD_UNKNOWN; the bytes are the purge's. */
  async cancel(name: RepositoryName, ref: SessionRef): Promise<void> {
    const session = await this.verify(name, ref.id);
    await this.parts.states.requireOpen(session);
    await this.close(session);
  }

  private async close(session: UploadSession): Promise<void> {
    await this.parts.steps.close(session.set);
    this.closed.set(session.set, true);
    await this.parts.invalidations.publish({ kind: 'upload', key: session.set });
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
    return (
      digest.algorithm === 'sha256' &&
      length !== undefined &&
      length > 0 &&
      length <= this.parts.driver.limits.segmentBytes
    );
  }

  private async verify(name: RepositoryName, id: string): Promise<UploadSession> {
    const session = await decodeSessionId(this.parts.keys, name, id);
    if (session === undefined || this.closed.has(session.set)) throw unknownUpload();
    if (this.parts.clock.now() - session.startedAt > this.maxAge)
      throw unknownUpload('the upload session is too old; start a new one');
    return session;
  }

  /** @throws UploadOffsetMismatch where the chunk does not start at the session's end */
  private async stateFor(
    name: RepositoryName,
    session: UploadSession,
    ref: SessionRef,
    chunk: ByteRange | undefined,
  ): Promise<UploadState> {
    const state = await this.parts.states.at(session, ref);
    if (chunk === undefined || chunk.start === state.end) return state;
    const latest = await this.parts.states.latest(session, state);
    if (chunk.start === latest.end) return latest;
    throw new UploadOffsetMismatch(name, progressOf(ref.id, session, latest));
  }

  /**
   * Receives the last body. Undefined where the session's bytes are gone because this very request was answered before:
   * then the repository holds the blob.
   */
  private async receiveLast(
    name: RepositoryName,
    session: UploadSession,
    state: UploadState,
    digest: Digest,
    body: UploadBody,
    chunk: ByteRange | undefined,
  ): Promise<Received | undefined> {
    if (body.length === 0) return { state, digester: Digester.start('sha256') };
    try {
      return await this.parts.receiver.receive(session, state, body, chunk);
    } catch (error) {
      const gone = error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN';
      if (gone && (await this.parts.blobs.has(name, digest))) return undefined;
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
    const known =
      after.end === 0 ? digestOf(new Uint8Array(), digest.algorithm) : after.digests?.[digest.algorithm];
    if (known === undefined || known.equals(digest)) return after;
    const latest = await this.parts.states.latest(session, before);
    if (latest.end === before.end) return after;
    if (after.end === before.end) return latest;
    throw new UploadOffsetMismatch(name, progressOf(ref.id, session, latest));
  }
}
