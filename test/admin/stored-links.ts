import { linkedDigest } from '../../src/domain/keys.js';
import { listAll } from '../../src/ports/listing.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';

/** The digests whose links lie below the prefix. */
export async function linkedDigests(driver: StorageDriver, prefix: string): Promise<readonly string[]> {
  const digests: string[] = [];
  for await (const key of listAll(driver, { prefix })) {
    const digest = linkedDigest(prefix, key);
    if (digest !== undefined) digests.push(digest.toString());
  }
  return digests;
}
