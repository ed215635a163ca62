import { Digest } from '../domain/digest.js';
import { UPLOAD_STEPS_PREFIX, listedKey, uploadStepKey } from '../domain/keys.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { Segment, SegmentSet, StorageDriver } from '../ports/storage-driver.js';
import type { PrefixDigests } from './digester.js';
import { listAll } from '../ports/listing.js';

/** Bytes that are held in a step's record, after its first line. */
export interface InlineBytes {
  /** Unique, so that a record is told from another of the same bytes. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** How far an upload session is; offsets in bytes. */
export interface UploadState {
  /** Where the step that led here starts; it names the step's record. */
  readonly start: number;
  /** Bytes held. */
  readonly end: number;
  readonly segments: readonly Segment[];
  /** All bytes held, where they are few: then there is no segment. */
  readonly inline?: InlineBytes;
  /** Of all bytes held; undefined while there are none. */
  readonly digests?: PrefixDigests;
}

export const NOTHING_YET: UploadState = { start: 0, end: 0, segments: [] };

interface StepRecord {
  readonly end: number;
  readonly segments: readonly Segment[];
  readonly sha256: string;
  readonly sha512?: string;
  /** The name of the inline bytes. */
  readonly inline?: string;
}

const CLOSED = 'closed';
const CLOSED_BYTES = Buffer.from(CLOSED);
/** Between a record and the bytes that it holds. */
const LINE_END = 0x0a;

/**
 * The steps of upload sessions in the store: one immutable record a step, named by the offset at which it
 * starts, so that the first of two writers at one offset wins and the other learns of it.
 */
export class UploadSteps {
  constructor(
    private readonly driver: StorageDriver,
    /** Seconds after which nobody needs a record. */
    private readonly expiresAfter: number,
  ) {}

  /** The state after the step that starts at the offset; undefined where there is none; 'closed' if cancelled. */
  async read(set: SegmentSet, start: number): Promise<UploadState | typeof CLOSED | undefined> {
    let bytes: Buffer;
    try {
      bytes = await this.driver.read(uploadStepKey(set, start), { fresh: true });
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
    return bytes.equals(CLOSED_BYTES) ? CLOSED : parseRecord(bytes, set, start);
  }

  /** @throws StorageError EXISTS when the offset has a step already */
  async write(set: SegmentSet, state: UploadState & { readonly digests: PrefixDigests }): Promise<void> {
    const record: StepRecord = {
      end: state.end,
      segments: state.segments,
      sha256: state.digests.sha256.hex,
      ...(state.digests.sha512 && { sha512: state.digests.sha512.hex }),
      ...(state.inline && { inline: state.inline.name }),
    };
    const line = Buffer.from(JSON.stringify(record));
    const bytes =
      state.inline === undefined ? line : Buffer.concat([line, Buffer.of(LINE_END), state.inline.bytes]);
    await this.driver.put(uploadStepKey(set, state.start), bytes, {
      ifAbsent: true,
      expiresAfter: this.expiresAfter,
    });
  }

  /** Marks the session as ended: whoever reads its first step learns so. */
  async close(set: SegmentSet): Promise<void> {
    const first = uploadStepKey(set, 0);
    await this.driver.put(first, CLOSED_BYTES, { expiresAfter: this.expiresAfter });
    for await (const key of listAll(this.driver, { prefix: `${UPLOAD_STEPS_PREFIX}${set}/` })) {
      if (key !== first) await this.driver.delete(listedKey(key));
    }
  }
}

function parseRecord(bytes: Buffer, set: SegmentSet, start: number): UploadState {
  const lineEnd = bytes.indexOf(LINE_END);
  try {
    const record = JSON.parse(bytes.subarray(0, lineEnd < 0 ? undefined : lineEnd).toString()) as StepRecord;
    return {
      start,
      end: record.end,
      segments: record.segments,
      ...(record.inline !== undefined && {
        inline: { name: record.inline, bytes: bytes.subarray(lineEnd + 1) },
      }),
      digests: {
        sha256: Digest.of('sha256', record.sha256),
        ...(record.sha512 !== undefined && { sha512: Digest.of('sha512', record.sha512) }),
      },
    };
  } catch (error) {
    throw new StorageError('UNAVAILABLE', `the record of upload ${set} at ${start} is unreadable`, {
      cause: error,
    });
  }
}
