import type { Digest } from '../../domain/digest.js';
import { mirrorFetchKey } from '../../domain/keys.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import type { Clock } from '../../ports/clock.js';
import { isStorageError } from '../../ports/storage-driver.js';
import type { Segment, SegmentSet, StorageDriver } from '../../ports/storage-driver.js';

/** What the one who takes a blob tells all others of the same store. */
export interface FetchRecord {
  /** Of this attempt. */
  readonly id: string;
  /** Grows as long as somebody is at work. */
  readonly beat: number;
  /** When it was written, by the writer's clock; milliseconds since 1970. */
  readonly at: number;
  /** Bytes of the whole, once the upstream has told. */
  readonly size?: number;
  /** How the attempt ended; until then it is at work. */
  readonly ended?: 'stored' | 'failed';
  readonly set?: SegmentSet;
  /** What of it is durable, in order. */
  readonly segments: readonly Segment[];
}

export type NewFetchRecord = Omit<FetchRecord, 'at'>;

/** Nobody writes a record for longer and lives; clocks of nodes differ by less. */
const DEAD_AFTER = 60_000;
/** Where the store lets objects expire. */
const EXPIRES_SECONDS = 3600;

/**
 * One object a blob that is being taken, written by whoever takes it and read by those who wait for it elsewhere. It
 * stays for a while afterwards, for them to see how that ended.
 */
export class FetchRecords {
  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
  ) {}

  /** Undefined where nobody takes the blob, as far as is known. @throws StorageError */
  async read(name: RepositoryName, digest: Digest): Promise<FetchRecord | undefined> {
    try {
      const record = parse(await this.driver.read(mirrorFetchKey(name, digest), { fresh: true }));
      const isOld = record === undefined || Math.abs(this.clock.now() - record.at) > DEAD_AFTER;
      return isOld ? undefined : record;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** Whether there was none. @throws StorageError */
  async create(name: RepositoryName, digest: Digest, record: NewFetchRecord): Promise<boolean> {
    try {
      await this.write(name, digest, record, true);
      return true;
    } catch (error) {
      if (isStorageError(error, 'EXISTS')) return false;
      throw error;
    }
  }

  async write(name: RepositoryName, digest: Digest, record: NewFetchRecord, ifAbsent = false): Promise<void> {
    const bytes = Buffer.from(JSON.stringify({ ...record, at: this.clock.now() }));
    await this.driver.put(mirrorFetchKey(name, digest), bytes, { ifAbsent, expiresAfter: EXPIRES_SECONDS });
  }
}

/** Undefined for what is none: nobody could follow it. */
function parse(bytes: Buffer): FetchRecord | undefined {
  try {
    const record = JSON.parse(bytes.toString()) as FetchRecord | null;
    if (typeof record?.id !== 'string' || !Array.isArray(record.segments)) return undefined;
    return record.size === undefined || Number.isSafeInteger(record.size) ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
