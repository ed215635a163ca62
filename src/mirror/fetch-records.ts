import type { Digest } from '../domain/digest.js';
import { mirrorFetchKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { Segment, SegmentSet, StorageDriver } from '../ports/storage-driver.js';

/** What the one who takes a blob tells all others of the same store. */
export interface FetchRecord {
  /** Of this attempt. */
  readonly id: string;
  /** Bytes of the whole. */
  readonly size: number;
  /** Grows as long as somebody is at work. */
  readonly beat: number;
  /** When it was written, by the writer's clock; milliseconds since 1970. */
  readonly at: number;
  readonly set?: SegmentSet;
  /** What of it is durable, in order. */
  readonly segments: readonly Segment[];
}

/** Nobody writes a record for longer and lives; clocks of nodes differ by less. */
const DEAD_AFTER = 60_000;
/** Where the store lets objects expire. */
const EXPIRES_SECONDS = 3600;

/** One object a blob that is being taken, written by whoever takes it and read by those who wait for it elsewhere. */
export class FetchRecords {
  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
  ) {}

  /** Undefined where nobody takes the blob, as far as is known. @throws StorageError */
  async read(name: RepositoryName, digest: Digest): Promise<FetchRecord | undefined> {
    try {
      const bytes = await this.driver.read(mirrorFetchKey(name, digest), { fresh: true });
      const record = parse(bytes);
      const isOld = record === undefined || Math.abs(this.clock.now() - record.at) > DEAD_AFTER;
      return isOld ? undefined : record;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async write(name: RepositoryName, digest: Digest, record: Omit<FetchRecord, 'at'>): Promise<void> {
    const bytes = Buffer.from(JSON.stringify({ ...record, at: this.clock.now() }));
    await this.driver.put(mirrorFetchKey(name, digest), bytes, { expiresAfter: EXPIRES_SECONDS });
  }

  async remove(name: RepositoryName, digest: Digest): Promise<void> {
    await this.driver.delete(mirrorFetchKey(name, digest));
  }
}

/** Undefined for what is none: nobody could follow it. */
function parse(bytes: Buffer): FetchRecord | undefined {
  try {
    const { id, size, segments, ...rest } = JSON.parse(bytes.toString()) as FetchRecord;
    if (typeof id !== 'string' || !Number.isSafeInteger(size) || !Array.isArray(segments)) return undefined;
    return { id, size, segments, ...rest };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
