import type { SegmentStore, StorageDriver } from '../ports/storage-driver.js';
import type { StorageTelemetry } from '../ports/telemetry.js';

/** The same driver, telling of each request. */
export function instrumented(driver: StorageDriver, telemetry: StorageTelemetry): StorageDriver {
  const { segments } = driver;
  const counted: SegmentStore = {
    append: (...call) => {
      telemetry.storageRequest('segments.append');
      return segments.append(...call);
    },
    read: (...call) => {
      telemetry.storageRequest('segments.read');
      return segments.read(...call);
    },
    commit: (...call) => {
      telemetry.storageRequest('segments.commit');
      return segments.commit(...call);
    },
    remove: (...call) => {
      telemetry.storageRequest('segments.remove');
      return segments.remove(...call);
    },
    list: (...call) => {
      telemetry.storageRequest('segments.list');
      return segments.list(...call);
    },
  };
  return {
    name: driver.name,
    limits: driver.limits,
    segments: counted,
    legacy: driver.legacy,
    stat: (...call) => {
      telemetry.storageRequest('stat');
      return driver.stat(...call);
    },
    get: (...call) => {
      telemetry.storageRequest('get');
      return driver.get(...call);
    },
    read: (...call) => {
      telemetry.storageRequest('read');
      return driver.read(...call);
    },
    put: (...call) => {
      telemetry.storageRequest('put');
      return driver.put(...call);
    },
    putVerified: (...call) => {
      telemetry.storageRequest('putVerified');
      return driver.putVerified(...call);
    },
    isDamaged: (...call) => {
      telemetry.storageRequest('isDamaged');
      return driver.isDamaged(...call);
    },
    list: (...call) => {
      telemetry.storageRequest('list');
      return driver.list(...call);
    },
    delete: (...call) => {
      telemetry.storageRequest('delete');
      return driver.delete(...call);
    },
    deleteMany: (...call) => {
      telemetry.storageRequest('deleteMany');
      return driver.deleteMany(...call);
    },
    signedUrl: (...call) => {
      telemetry.storageRequest('signedUrl');
      return driver.signedUrl(...call);
    },
    close: () => driver.close(),
  };
}
