import type { Digest } from '../domain/digest.js';
import { linkedDigest, listedKey, revisionsPrefix } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import { parseManifest } from '../domain/manifest.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { Registry } from '../registry/registry.js';
import { ifReadable } from './readable-manifest.js';

const BATCH = 1000;
/** Children of indexes that are followed, each once. */
const MOST_FOLLOWED = 100_000;

export interface HoldingParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
}

export interface ListedLink {
  readonly digest: Digest;
  readonly lastModified: Date;
}

export interface LinkBatch {
  readonly links: readonly ListedLink[];
  /** What else lies there, such as the signatures of old registries. */
  readonly others: readonly Key[];
}

/** The links below a prefix, as listings tell. */
export async function* linkBatches(driver: StorageDriver, prefix: string): AsyncGenerator<LinkBatch> {
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix,
      limit: BATCH,
      ...(startAfter !== undefined && { startAfter }),
    });
    const read = listing.objects.map(({ key, lastModified }) => ({
      key,
      lastModified,
      digest: linkedDigest(prefix, key),
    }));
    yield {
      links: read.flatMap(({ digest, lastModified }) =>
        digest === undefined ? [] : [{ digest, lastModified }],
      ),
      others: read.flatMap(({ key, digest }) => (digest === undefined ? [listedKey(key)] : [])),
    };
    startAfter = listing.next;
  } while (startAfter !== undefined);
}

/** Of links the digests of those that were written before a moment, milliseconds since 1970. */
export function olderThan(before: number, links: readonly ListedLink[]): readonly Digest[] {
  return links.filter(({ lastModified }) => lastModified.getTime() < before).map(({ digest }) => digest);
}

/** The manifests that are listed, those that tags point to, and those that this server pushed lately. */
export async function* heldManifests(
  { driver, registry }: HoldingParts,
  name: RepositoryName,
): AsyncGenerator<Digest> {
  for await (const { links } of linkBatches(driver, revisionsPrefix(name)))
    for (const { digest } of links) yield digest;
  for (const tag of await registry.tags.list(name)) {
    const current = await registry.tags.describe(name, tag as Tag);
    if (current !== undefined) yield current.digest;
  }
  yield* registry.pushed.of(name);
}

/**
 * Which of the blobs the manifests refer to that the repository holds now, and the children of those; as if those of
 * `gone` were gone. @throws StorageError where that is not known
 */
export async function neededBlobs(
  parts: HoldingParts,
  name: RepositoryName,
  blobs: readonly Digest[],
  gone: ReadonlySet<string> = new Set(),
): Promise<ReadonlySet<string>> {
  const asked = new Set(blobs.map((digest) => digest.toString()));
  const needed = new Set<string>();
  if (asked.size === 0) return needed;
  const followed = new Set<string>();
  for await (const held of heldManifests(parts, name)) {
    const waiting = [held];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      if (gone.has(digest.toString())) continue;
      const reference = { kind: 'digest', digest } as const;
      const stored = await ifReadable(parts.registry.manifests.get(name, reference));
      if (stored === undefined) continue;
      const { config, layers, manifests } = parseManifest(stored.bytes);
      for (const each of [...(config ? [config] : []), ...layers, ...manifests]) {
        const text = each.digest.toString();
        if (asked.has(text)) needed.add(text);
      }
      for (const child of manifests) {
        const text = child.digest.toString();
        if (followed.has(text) || followed.size === MOST_FOLLOWED) continue;
        followed.add(text);
        waiting.push(child.digest);
      }
    }
  }
  return needed;
}
