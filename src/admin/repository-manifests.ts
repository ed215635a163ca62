import type { Descriptor } from '../domain/descriptor.js';
import { Digest } from '../domain/digest.js';
import { linkedDigest, revisionLinkKey, revisionsPrefix } from '../domain/keys.js';
import { parseManifest } from '../domain/manifest.js';
import type { Page, PageRequest } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { ListedObject, StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';
import type { Registry } from '../registry/registry.js';
import { describeDescriptor } from './image-inspection.js';
import type { DescriptorDetail } from './image-inspection.js';
import { ifReadable } from './readable-manifest.js';

const LANES = 16;
const LISTED = 1000;
const MOST_BYTES = 3 * 1024 * 1024;

export interface RevisionDetail {
  readonly digest: string;
  /** Absent, as all that follows but `pushedAt`, where the manifest is damaged or its bytes are gone. */
  readonly mediaType?: string;
  /** Bytes of the manifest itself. */
  readonly size?: number;
  readonly artifactType?: string;
  /** Digest of the manifest that it belongs to. */
  readonly subject?: string;
  /** RFC 3339; when it first was. */
  readonly pushedAt: string;
}

/**
 * The manifests of a repository in order of their digests, tagged or not, as a listing tells. One listing, and two
 * requests for each that is shown unless it is in memory.
 * @throws RegistryError NAME_UNKNOWN; InvalidValue for a `last` that is no digest
 */
export async function listRevisions(
  { registry, driver }: { readonly registry: Registry; readonly driver: StorageDriver },
  name: RepositoryName,
  { limit, last }: PageRequest,
): Promise<Page<RevisionDetail>> {
  if (limit === 0) return { items: [] };
  const { links, next } = await revisionLinks(driver, name, { limit, ...(last !== undefined && { last }) });
  if (links.length === 0) await registry.tags.page(name, { limit: 0 });
  const described = await mapBounded(links, LANES, (link) => describeRevision(registry, driver, name, link));
  const items = described.filter((revision) => revision !== undefined);
  return next === undefined ? { items } : { items, next };
}

interface RevisionLink extends ListedObject {
  readonly digest: Digest;
}

/** Old registries keep signatures among them: more is listed until the page is full. */
async function revisionLinks(
  driver: StorageDriver,
  name: RepositoryName,
  { limit, last }: PageRequest,
): Promise<{ readonly links: readonly RevisionLink[]; readonly next?: string }> {
  const prefix = revisionsPrefix(name);
  const links: RevisionLink[] = [];
  let startAfter: string | undefined =
    last === undefined ? undefined : revisionLinkKey(name, Digest.parse(last));
  for (let size = limit; ; size = LISTED) {
    const listing = await driver.list({
      prefix,
      limit: size,
      ...(startAfter !== undefined && { startAfter }),
    });
    for (const object of listing.objects) {
      const digest = linkedDigest(prefix, object.key);
      if (digest === undefined) continue;
      const previous = links.at(-1);
      if (previous !== undefined && links.length === limit)
        return { links, next: previous.digest.toString() };
      links.push({ ...object, digest });
    }
    startAfter = listing.next;
    if (startAfter === undefined) return { links };
    if (links.length === limit && size === limit)
      return { links, next: links.at(-1)?.digest.toString() ?? '' };
  }
}

/** Undefined for one that was deleted meanwhile. */
async function describeRevision(
  { manifests }: Registry,
  driver: StorageDriver,
  name: RepositoryName,
  link: RevisionLink,
): Promise<RevisionDetail | undefined> {
  const { digest } = link;
  const known = { digest: digest.toString(), pushedAt: link.lastModified.toISOString() };
  const stored = await ifReadable(manifests.get(name, { kind: 'digest', digest }));
  if (stored === undefined) return (await isThere(driver, link)) ? known : undefined;
  const { artifactType, subject } = parseManifest(stored.bytes);
  return {
    ...known,
    mediaType: stored.mediaType,
    size: stored.bytes.byteLength,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject && { subject: subject.digest.toString() }),
  };
}

async function isThere(driver: StorageDriver, { key }: ListedObject): Promise<boolean> {
  try {
    await driver.stat(key, { fresh: true });
    return true;
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

/** A page of those that match, cut by number and by bytes; none is read that it does not need. */
export async function referrersPage(
  referrers: AsyncIterable<Descriptor>,
  limit: number,
  artifactType: string | undefined,
): Promise<Page<DescriptorDetail>> {
  const items: DescriptorDetail[] = [];
  if (limit === 0) return { items };
  let bytes = 0;
  for await (const referrer of referrers) {
    if (artifactType !== undefined && referrer.artifactType !== artifactType) continue;
    const item = describeDescriptor(referrer);
    bytes += Buffer.byteLength(JSON.stringify(item));
    const last = items.at(-1);
    if (last !== undefined && (items.length === limit || bytes > MOST_BYTES))
      return { items, next: last.digest };
    items.push(item);
  }
  return { items };
}
