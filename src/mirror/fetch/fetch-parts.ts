import type { Clock } from '../../ports/clock.js';
import type { Ids } from '../../ports/ids.js';
import type { Locker } from '../../ports/locker.js';
import type { Logger } from '../../ports/logger.js';
import type { MirrorTelemetry } from '../../ports/mirror-telemetry.js';
import type { StorageDriver } from '../../ports/storage-driver.js';
import type { Registry } from '../../registry/registry.js';
import type { FetchRecords } from './fetch-records.js';

export interface FetchLimits {
  /** The largest blob that is taken. */
  readonly maxBlobBytes: number;
  /** Blobs up to this are held in memory until they are stored by one request. */
  readonly heldBytes: number;
  /** What of a larger one is held for those who read it as it comes. */
  readonly windowBytes: number;
  /** Of a larger one so much at a time becomes durable, and readable for those who come late. */
  readonly pieceBytes: number;
  /** Bytes a millisecond. No slower is it taken for the sake of those who read it from memory. */
  readonly leastPace: number;
  /** Milliseconds. Who takes a blob shows this often that it still does. */
  readonly beatEvery: number;
  /** Milliseconds. Who waits for it looks this often. */
  readonly lookEvery: number;
  /** Milliseconds without a sign of life after which who waits takes it itself. */
  readonly deadAfter: number;
}

const MIB = 1024 * 1024;

export const FETCH_LIMITS: Omit<FetchLimits, 'maxBlobBytes'> = {
  heldBytes: 2 * MIB,
  windowBytes: 2 * MIB,
  pieceBytes: 64 * MIB,
  leastPace: 50_000,
  beatEvery: 3000,
  lookEvery: 250,
  deadAfter: 15_000,
};

export interface FetchParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
  readonly records: FetchRecords;
  readonly locker: Locker;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly telemetry: MirrorTelemetry;
  readonly limits: FetchLimits;
}
