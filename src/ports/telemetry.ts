/** The requests of a storage driver, by the method's name. */
export type StorageOperation =
  | 'stat'
  | 'get'
  | 'read'
  | 'put'
  | 'putVerified'
  | 'isDamaged'
  | 'list'
  | 'delete'
  | 'deleteMany'
  | 'signedUrl'
  | 'segments.append'
  | 'segments.read'
  | 'segments.commit'
  | 'segments.remove'
  | 'segments.list';

/** Hears of each request to the store as it begins. */
export interface StorageTelemetry {
  storageRequest(operation: StorageOperation): void;
}
