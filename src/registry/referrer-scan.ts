import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { linkedDigest, revisionsPrefix } from '../domain/keys.js';
import { parseManifest, referrerDescriptor } from '../domain/manifest.js';
import { parseTag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from './bounded.js';
import { listAll } from '../ports/listing.js';
import type { ManifestStore, StoredManifest } from './manifest-store.js';

const CONCURRENT_READS = 16;

/**
 * Finds the referrers of a subject by reading every manifest of the repository, and the index that clients of a
 * registry without a referrers API keep under the fallback tag (OCI distribution-spec "Referrers Tag Schema").
 */
export async function scanReferrers(
  driver: StorageDriver,
  manifests: ManifestStore,
  name: RepositoryName,
  subject: Digest,
): Promise<readonly Descriptor[]> {
  const found = new Map<string, Descriptor>();
  for (const { subject: named, referrer } of await referrersIn(driver, manifests, name)) {
    if (named.equals(subject)) found.set(referrer.digest.toString(), referrer);
  }
  for (const listed of await fallbackReferrers(manifests, name, subject)) {
    if (!found.has(listed.digest.toString())) found.set(listed.digest.toString(), listed);
  }
  return [...found.values()];
}

/** Every manifest of the repository that has a subject, with it. */
export async function referrersIn(
  driver: StorageDriver,
  manifests: ManifestStore,
  name: RepositoryName,
): Promise<readonly { subject: Digest; referrer: Descriptor }[]> {
  const prefix = revisionsPrefix(name);
  const digests: Digest[] = [];
  for await (const key of listAll(driver, { prefix })) {
    const digest = linkedDigest(prefix, key);
    if (digest !== undefined) digests.push(digest);
  }
  const read = await mapBounded(digests, CONCURRENT_READS, async (digest) => {
    const stored = await find(manifests, name, { kind: 'digest', digest });
    if (stored === undefined) return undefined;
    const manifest = parseManifest(stored.bytes);
    if (manifest.subject === undefined) return undefined;
    const referrer = referrerDescriptor(manifest, stored.mediaType, stored.digest, stored.bytes.byteLength);
    return { subject: manifest.subject.digest, referrer };
  });
  return read.filter((entry) => entry !== undefined);
}

/** What the fallback tag of a subject lists, as far as the repository still holds it. */
export async function fallbackReferrers(
  manifests: ManifestStore,
  name: RepositoryName,
  subject: Digest,
): Promise<readonly Descriptor[]> {
  const tag = parseTag(`${subject.algorithm}-${subject.hex.slice(0, 64)}`);
  const stored = await find(manifests, name, { kind: 'tag', tag });
  if (stored === undefined) return [];
  const listed = parseManifest(stored.bytes).manifests;
  const held = await mapBounded(listed, CONCURRENT_READS, ({ digest }) => manifests.has(name, digest));
  return listed.filter((_, index) => held[index] === true);
}

async function find(
  manifests: ManifestStore,
  name: RepositoryName,
  reference: Parameters<ManifestStore['get']>[1],
): Promise<StoredManifest | undefined> {
  try {
    return await manifests.get(name, reference);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'MANIFEST_UNKNOWN') return undefined;
    throw error;
  }
}
