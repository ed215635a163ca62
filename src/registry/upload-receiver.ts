import type { ByteRange } from '../domain/byte-range.js';
import { RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { Segment, StorageDriver } from '../ports/storage-driver.js';
import { appendSegments } from './segmenter.js';
import type { UploadSession } from './session-id.js';
import { unknownUpload } from './session-states.js';
import type { LiveState, SessionStates } from './session-states.js';
import type { UploadState } from './upload-steps.js';

/** A request body. Iteration ends quietly, not by an error, when the sender goes away. */
export interface UploadBody extends AsyncIterable<Uint8Array> {
  /** Whether the sender went away before the end; known once iteration has ended. */
  readonly interrupted: boolean;
  /** Bytes, where the sender told. */
  readonly length: number | undefined;
}

/** Takes the bodies of upload requests into the store, hashing as they pass. */
export class UploadReceiver {
  constructor(
    private readonly driver: StorageDriver,
    private readonly states: SessionStates,
  ) {}

  /**
   * Makes a body durable after a state and answers the state after it, not yet recorded; the same state where
   * nothing came.
   * @throws RegistryError BLOB_UPLOAD_UNKNOWN; SIZE_INVALID where a complete body is not as long as its chunk
   */
  async receive(
    session: UploadSession,
    state: UploadState,
    body: UploadBody,
    chunk?: ByteRange,
  ): Promise<LiveState> {
    const digester = await this.states.digesterAt(session, state);
    const { segments: store, limits } = this.driver;
    let segments: readonly Segment[];
    try {
      const { set } = session;
      segments = await appendSegments(store, limits.segmentBytes, set, state.segments, body, digester);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownUpload();
      throw error;
    }
    const received = digester.size - state.end;
    const announced = chunk === undefined ? received : chunk.end - chunk.start + 1;
    if (received > announced || (received < announced && !body.interrupted)) {
      throw new RegistryError(
        'SIZE_INVALID',
        `the chunk has ${received} bytes, its Content-Range ${announced}`,
      );
    }
    if (received === 0) return { state, digester };
    const after = { start: state.end, end: digester.size, segments, digests: digester.digests() };
    return { state: after, digester };
  }
}
