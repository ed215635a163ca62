import { Digest } from '../domain/digest.js';
import {
  blobDataKey,
  digestOfKey,
  layerLinkKey,
  layersPrefix,
  linkedDigest,
  listedKey,
  manifestExtrasPrefixes,
  revisionsPrefix,
  tagsPrefix,
} from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import { parseManifest } from '../domain/manifest.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { listAll } from '../ports/listing.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';
import { readLink } from '../registry/link.js';
import type { Registry } from '../registry/registry.js';
import { ifReadable, undefinedIfUnknown } from './readable-manifest.js';

const LANES = 8;
const BATCH = 1000;
/** How often what is pushed beside a removal is removed with the rest. */
const MOST_PASSES = 10;
/** Children of indexes that are followed, each once. */
const MOST_FOLLOWED = 100_000;

/** What was removed; distinct blobs, whose bytes are garbage collection's. */
export interface RemovedRepository {
  readonly manifests: number;
  readonly tags: number;
  readonly blobs: number;
}

interface RemovalParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
}

/**
 * Removes tags, manifests, layer links, then the catalog's marker; it may be repeated after it was cut off. Nothing is
 * removed of a repository with an immutable tag. Unfinished uploads stay.
 *
 * What is pushed meanwhile and was not listed yet stays with the blobs that it needs, and in the catalog. A push by way
 * of this server that checked its blobs before they went is answered 503 and repeats itself. One by way of another
 * server, within 5 seconds, may be left without layers; pushing again mends it.
 * @throws RegistryError NAME_UNKNOWN; DENIED for an immutable tag; StorageError
 */
export async function removeRepository(
  parts: RemovalParts,
  name: RepositoryName,
): Promise<RemovedRepository> {
  const { registry, driver } = parts;
  const { tags, catalog } = registry;
  if (!(await holdsAny(driver, name)) && !(await catalog.isMarked(name)))
    throw new RegistryError('NAME_UNKNOWN');
  const listed = (await tags.list(name)) as readonly Tag[];
  if (tags.someAreImmutable) await mapBounded(listed, LANES, (tag) => tags.requireMovable(name, tag));
  const removal = new Removal(parts, name);
  const removed = {
    tags: await removal.tags(listed),
    manifests: await removal.manifests(),
    blobs: await removal.layers(),
  };
  await removal.extras();
  await catalog.unmark(name);
  if (await removal.isPushedMeanwhile()) await catalog.mark(name);
  return removed;
}

class Removal {
  /** Digests of manifests that tags pointed to: a listing may not show those yet. */
  private readonly tagged = new Set<string>();

  constructor(
    private readonly parts: RemovalParts,
    private readonly name: RepositoryName,
  ) {}

  /** Also those without a manifest. */
  async tags(listed: readonly Tag[]): Promise<number> {
    const { tags } = this.parts.registry;
    const removed = await mapBounded(listed, LANES, async (tag) => {
      const current = await tags.describe(this.name, tag);
      if (current !== undefined) this.tagged.add(current.digest.toString());
      return removedNow(tags.delete(this.name, tag));
    });
    return removed.filter(Boolean).length;
  }

  async manifests(): Promise<number> {
    const { driver, registry } = this.parts;
    const remove = (digest: Digest): Promise<boolean> => {
      this.tagged.delete(digest.toString());
      return removedNow(registry.manifests.delete(this.name, digest));
    };
    let count = 0;
    for await (const { digests, others } of linkBatches(driver, revisionsPrefix(this.name))) {
      count += (await mapBounded(digests, LANES, remove)).filter(Boolean).length;
      const [failure] = others.length === 0 ? [] : await driver.deleteMany(others);
      if (failure !== undefined) throw failure.error;
    }
    const tried = new Set<string>();
    for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
      // An index that was pushed by now may need what is gone: it goes too.
      const known = [...this.tagged, ...registry.pushed.of(this.name).map(String)];
      const unlisted = [...new Set(known)].filter((text) => !tried.has(text));
      if (unlisted.length === 0) break;
      for (const text of unlisted) tried.add(text);
      const digests = unlisted.map((text) => Digest.parse(text));
      count += (await mapBounded(digests, LANES, remove)).filter(Boolean).length;
    }
    return count;
  }

  /** Those that no manifest pushed meanwhile needs. */
  async layers(): Promise<number> {
    const { driver, registry } = this.parts;
    let count = 0;
    for await (const { digests: batch } of linkBatches(driver, layersPrefix(this.name))) {
      const needed = await this.neededOf(batch);
      const doomed = batch.filter((digest) => !needed.has(digest.toString()));
      const links = await mapBounded(doomed, LANES, (digest) => this.storedAs(digest));
      const removed = await mapBounded(doomed, LANES, (digest) =>
        removedNow(registry.blobs.delete(this.name, digest)),
      );
      const missed = await this.neededOf(doomed);
      await mapBounded([...doomed.entries()], LANES, async ([at, digest]) => {
        const stored = links[at];
        if (removed[at] !== true || stored === undefined) return;
        if (missed.has(digest.toString())) await this.restore(digest, stored);
        // Under another digest the same blob is linked once more.
        else if (stored.equals(digest)) count += 1;
      });
    }
    return count;
  }

  /** What is kept beside manifests that are gone. */
  async extras(): Promise<void> {
    const { driver, registry } = this.parts;
    for (const prefix of manifestExtrasPrefixes(this.name)) {
      for await (const text of listAll(driver, { prefix })) {
        const key = listedKey(text);
        await registry.manifests.deleteExtra(this.name, digestOfKey(key), key).catch(undefinedIfAbsent);
      }
    }
  }

  /** A listing may still show what is gone. */
  async isPushedMeanwhile(): Promise<boolean> {
    for await (const digest of this.held())
      if (await this.parts.registry.manifests.has(this.name, digest)) return true;
    return false;
  }

  /** Which of the blobs the manifests refer to that the repository holds now, and the children of those. */
  private async neededOf(blobs: readonly Digest[]): Promise<ReadonlySet<string>> {
    const asked = new Set(blobs.map((digest) => digest.toString()));
    const needed = new Set<string>();
    const followed = new Set<string>();
    for await (const held of this.held()) {
      const waiting = [held];
      for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
        const reference = { kind: 'digest', digest } as const;
        const stored = await ifReadable(this.parts.registry.manifests.get(this.name, reference));
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

  /** The manifests that are listed, those that tags point to, and those that this server pushed lately. */
  private async *held(): AsyncGenerator<Digest> {
    const { driver, registry } = this.parts;
    for await (const { digests } of linkBatches(driver, revisionsPrefix(this.name))) yield* digests;
    for (const tag of await registry.tags.list(this.name)) {
      const current = await registry.tags.describe(this.name, tag as Tag);
      if (current !== undefined) yield current.digest;
    }
    yield* registry.pushed.of(this.name);
  }

  /** The sha256 that the link holds; undefined where it is gone. */
  private async storedAs(digest: Digest): Promise<Digest | undefined> {
    if (digest.algorithm === 'sha256') return digest;
    const link = readLink(this.parts.driver, layerLinkKey(this.name, digest), { fresh: true });
    return link.catch(undefinedIfAbsent);
  }

  private async restore(digest: Digest, stored: Digest): Promise<void> {
    const { driver, registry } = this.parts;
    const stat = await driver.stat(blobDataKey(stored), { fresh: true }).catch(undefinedIfAbsent);
    if (stat !== undefined) await registry.blobs.link(this.name, digest, { stored, size: stat.size });
  }
}

/** False for what somebody else removed meanwhile. */
async function removedNow(deletion: Promise<void>): Promise<boolean> {
  return (await deletion.then(() => true).catch(undefinedIfUnknown)) ?? false;
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!isStorageError(error, 'NOT_FOUND')) throw error;
}

async function holdsAny(driver: StorageDriver, name: RepositoryName): Promise<boolean> {
  const prefixes = [revisionsPrefix(name), tagsPrefix(name), layersPrefix(name)];
  const listings = await Promise.all(prefixes.map((prefix) => driver.list({ prefix, limit: 1 })));
  return listings.some(({ objects }) => objects.length > 0);
}

interface LinkBatch {
  readonly digests: readonly Digest[];
  /** What else lies there, such as the signatures of old registries. */
  readonly others: readonly Key[];
}

async function* linkBatches(driver: StorageDriver, prefix: string): AsyncGenerator<LinkBatch> {
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      prefix,
      limit: BATCH,
      ...(startAfter !== undefined && { startAfter }),
    });
    const links = listing.objects.map(({ key }) => ({ key, digest: linkedDigest(prefix, key) }));
    yield {
      digests: links.flatMap(({ digest }) => digest ?? []),
      others: links.flatMap(({ key, digest }) => (digest === undefined ? [listedKey(key)] : [])),
    };
    startAfter = listing.next;
  } while (startAfter !== undefined);
}
