import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { SegmentSet, StorageDriver } from '../ports/storage-driver.js';
import { Digester } from './digester.js';
import type { UploadSession } from './session-id.js';
import { NOTHING_YET } from './upload-steps.js';
import type { UploadState, UploadSteps } from './upload-steps.js';

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

/** A state with the hashes that go on from it. */
export interface LiveState {
  readonly state: UploadState;
  readonly digester: Digester;
}

const LIVE_SESSIONS = 4096;
/** Of the inline bytes of all of them together. */
const LIVE_BYTES = 32 * 1024 * 1024;

/**
 * How far upload sessions are: by their step records, and by what this process remembers of those it wrote, which
 * only saves reading bytes again.
 */
export class SessionStates {
  private readonly live = new LRUCache<string, LiveState>({
    max: LIVE_SESSIONS,
    maxSize: LIVE_BYTES,
    sizeCalculation: ({ state }) => 1 + (state.inline?.bytes.byteLength ?? 0),
  });

  constructor(
    private readonly driver: StorageDriver,
    private readonly steps: UploadSteps,
  ) {}

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN for a session that was cancelled */
  async requireOpen(session: UploadSession): Promise<void> {
    if ((await this.steps.read(session.set, 0)) === 'closed') throw unknownUpload();
  }

  /** The state that the client's Location tells of, wherever it was reached. */
  async at(session: UploadSession, ref: SessionRef): Promise<UploadState> {
    if (ref.end === 0) return NOTHING_YET;
    const live = this.live.get(liveKey(session, ref));
    if (live !== undefined) return live.state;
    const step = await this.steps.read(session.set, ref.start);
    if (step === 'closed') throw unknownUpload();
    return step ?? this.latest(session, NOTHING_YET);
  }

  /** Follows the steps in the store to the last one. */
  async latest(session: UploadSession, from: UploadState): Promise<UploadState> {
    let state = from;
    for (;;) {
      const next = await this.steps.read(session.set, state.end);
      if (next === 'closed') throw unknownUpload();
      if (next === undefined) return state;
      state = next;
    }
  }

  /** Of two writers at one offset the first to record wins. @throws UploadOffsetMismatch for the other */
  async record(name: RepositoryName, session: UploadSession, id: string, next: LiveState): Promise<void> {
    const { state } = next;
    if (state.digests === undefined) return;
    try {
      await this.steps.write(session.set, { ...state, digests: state.digests });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      const theirs = await this.steps.read(session.set, state.start);
      if (theirs === 'closed' || theirs === undefined) throw unknownUpload();
      if (!isSame(theirs, state)) {
        throw new UploadOffsetMismatch(name, progressOf(id, session, await this.latest(session, theirs)));
      }
    }
    this.live.set(liveKey(session, state), next);
  }

  /** Of a session that is over. */
  forget(session: UploadSession, state: UploadState): void {
    this.live.delete(liveKey(session, state));
  }

  /** Hashes that go on from a state; elsewhere than where it was reached, its bytes are read once. */
  async digesterAt(session: UploadSession, state: UploadState): Promise<Digester> {
    const digester = Digester.start(session.algorithm);
    if (state.end === 0) return digester;
    const live = this.live.get(liveKey(session, state));
    // Two servers may both have been told that their step at an offset is written; what one remembers is then not so.
    if (live !== undefined && isSame(live.state, state)) return live.digester.copy();
    try {
      for await (const chunk of bytesOf(this.driver, session, state)) digester.update(chunk);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownUpload();
      throw error;
    }
    if (state.digests?.sha256.equals(digester.digests().sha256) !== true) {
      throw new RegistryError(
        'BLOB_UPLOAD_INVALID',
        'the bytes of the upload session changed; start a new one',
      );
    }
    return digester;
  }
}

/** All bytes of a state, in order. The stream fails with NOT_FOUND if a segment is gone. */
export async function* bytesOf(
  driver: StorageDriver,
  { set }: UploadSession,
  { inline, segments }: UploadState,
): AsyncGenerator<Uint8Array, void, void> {
  if (inline !== undefined) yield inline.bytes;
  else for await (const chunk of driver.segments.read(set, segments)) yield chunk as Uint8Array;
}

/** Whether two records of a step tell the same. */
function isSame(one: UploadState, other: UploadState): boolean {
  const told = ({ inline, ...state }: UploadState): string => JSON.stringify([state, inline?.name]);
  return told(one) === told(other);
}

export function progressOf(id: string, session: UploadSession, state: UploadState): UploadProgress {
  return { id, set: session.set, start: state.start, end: state.end };
}

export function cutOff(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body was complete');
}

export function unknownUpload(message?: string): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', message);
}

function liveKey(session: UploadSession, at: { start: number; end: number }): string {
  return `${session.set}@${at.start}-${at.end}`;
}
