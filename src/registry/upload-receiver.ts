import type { ByteRange } from '../domain/byte-range.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { Segment, StorageDriver, StorageError } from '../ports/storage-driver.js';
import type { Digester } from './digester.js';
import { appendSegments } from './segmenter.js';
import type { UploadSession } from './session-id.js';
import { unknownUpload } from './session-states.js';
import type { LiveState, SessionRef, SessionStates } from './session-states.js';
import type { UploadState } from './upload-steps.js';

/** A request body. Iteration ends quietly, not by an error, when the sender goes away. */
export interface UploadBody extends AsyncIterable<Uint8Array> {
  /** Whether the sender went away before the end; known once iteration has ended. */
  readonly interrupted: boolean;
  /** Bytes, where the sender told. */
  readonly length: number | undefined;
}

/** What came of a body; its state is not yet recorded. */
export interface Received extends LiveState {
  /** Why the store took no more than the state holds. */
  readonly failure?: StorageError;
}

/** Takes the bodies of upload requests into the store, hashing as they pass. */
export class UploadReceiver {
  constructor(
    private readonly driver: StorageDriver,
    private readonly states: SessionStates,
  ) {}

  /**
   * Makes a body durable after a state and answers the state after it; the same state where nothing came. Where the
   * store fails on the way, that is the state after the last whole segment.
   * @throws RegistryError BLOB_UPLOAD_UNKNOWN; SIZE_INVALID where a complete body is not as long as its chunk
   */
  async receive(
    session: UploadSession,
    state: UploadState,
    body: UploadBody,
    chunk?: ByteRange,
  ): Promise<Received> {
    const received = await this.store(session, state, body);
    const size = received.state.end - state.end;
    const announced = chunk === undefined ? size : chunk.end - chunk.start + 1;
    const isCut = body.interrupted || received.failure !== undefined;
    if (size > announced || (size < announced && !isCut)) {
      throw new RegistryError('SIZE_INVALID', `the chunk has ${size} bytes, its Content-Range ${announced}`);
    }
    return received;
  }

  /** Records what came of a body. @throws what the store failed with on the way, whatever the record fails with */
  async record(
    name: RepositoryName,
    session: UploadSession,
    { id }: SessionRef,
    before: UploadState,
    { failure, ...after }: Received,
  ): Promise<void> {
    try {
      if (after.state !== before) await this.states.record(name, session, id, after);
    } catch (error) {
      throw failure ?? error;
    }
    if (failure !== undefined) throw failure;
  }

  private async store(session: UploadSession, state: UploadState, body: UploadBody): Promise<Received> {
    const digester = await this.states.digesterAt(session, state);
    const { segments: store, limits } = this.driver;
    const { set } = session;
    const appended = appendSegments(store, limits.segmentBytes, set, state.segments, body, digester);
    let whole: LiveState = { state, digester };
    try {
      for await (const segments of appended) whole = stateAfter(state, segments, digester.copy());
      return whole;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownUpload();
      if (isStorageError(error, 'UNAVAILABLE', 'THROTTLED')) return { ...whole, failure: error };
      throw error;
    }
  }
}

function stateAfter({ end }: UploadState, segments: readonly Segment[], digester: Digester): LiveState {
  return { state: { start: end, end: digester.size, segments, digests: digester.digests() }, digester };
}
