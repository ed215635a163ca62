import type { ByteRange } from '../domain/byte-range.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Ids } from '../ports/ids.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { Segment, StorageDriver, StorageError } from '../ports/storage-driver.js';
import { HeldBody } from '../ports/held-body.js';
import { Digester } from './digester.js';
import { appendSegments } from './segmenter.js';
import type { UploadSession } from './session-id.js';
import { unknownUpload } from './session-states.js';
import type { LiveState, SessionRef, SessionStates } from './session-states.js';
import type { UploadState } from './upload-steps.js';

const NOTHING = Buffer.alloc(0);

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
    private readonly ids: Ids,
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
    const before = state.inline?.bytes ?? NOTHING;
    const room = this.driver.limits.inlineBytes - before.byteLength;
    const isLarge = state.segments.length > 0 || (body.length ?? 0) > room || room === 0;
    if (isLarge && state.inline === undefined) return this.append(session, state, body);
    const held = new HeldBody(body[Symbol.asyncIterator]());
    await held.fill(Math.max(0, room) + 1);
    if (held.size > 0 && held.size > room) return this.append(session, state, held.all());
    const digester = await this.states.digesterAt(session, state);
    if (held.size === 0) return { state, digester };
    const added = held.concat();
    digester.update(added);
    const after = stateAfter(state, [], digester);
    const inline = { name: this.ids.unique(), bytes: Buffer.concat([before, added]) };
    return { ...after, state: { ...after.state, inline } };
  }

  private async append(
    session: UploadSession,
    state: UploadState,
    body: AsyncIterable<Uint8Array>,
  ): Promise<Received> {
    const { segments: store, limits } = this.driver;
    const { set, algorithm } = session;
    const { inline } = state;
    // Inline bytes go before the body into the first segment, and are hashed once more with it.
    const bytes = inline === undefined ? body : chained(inline.bytes, body);
    const digester =
      inline === undefined ? await this.states.digesterAt(session, state) : Digester.start(algorithm);
    const appended = appendSegments(store, limits.segmentBytes, set, state.segments, bytes, digester);
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

async function* chained(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield first;
  yield* rest;
}

function stateAfter({ end }: UploadState, segments: readonly Segment[], digester: Digester): LiveState {
  return { state: { start: end, end: digester.size, segments, digests: digester.digests() }, digester };
}
