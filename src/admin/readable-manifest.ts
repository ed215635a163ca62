import { InvalidValue } from '../domain/invalid-value.js';
import { DamagedContent, RegistryError } from '../errors/registry-error.js';
import type { StoredManifest } from '../registry/manifest-store.js';

/** Undefined for a manifest that is gone, damaged or none; an outage is an error. */
export async function ifReadable(reading: Promise<StoredManifest>): Promise<StoredManifest | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DamagedContent || error instanceof InvalidValue) return undefined;
    return undefinedIfUnknown(error);
  }
}

/** For `catch`: undefined where the registry does not hold what was asked for. @throws any other error */
export function undefinedIfUnknown(error: unknown): undefined {
  const isUnknown =
    error instanceof RegistryError && (error.code === 'MANIFEST_UNKNOWN' || error.code === 'BLOB_UNKNOWN');
  if (!isUnknown) throw error;
}

/** False for what somebody else removed meanwhile. */
export async function removedNow(deletion: Promise<void>): Promise<boolean> {
  return (await deletion.then(() => true).catch(undefinedIfUnknown)) ?? false;
}
