import { Digest } from '../domain/digest.js';
import {
  digestOfKey,
  layersPrefix,
  listedKey,
  manifestExtrasPrefixes,
  revisionsPrefix,
  tagsPrefix,
} from '../domain/keys.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { undefinedIfAbsent } from '../ports/absence.js';
import { listAll } from '../ports/listing.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';
import { heldManifests, linkBatches } from './held-manifests.js';
import type { HoldingParts } from './held-manifests.js';
import { removeUnneededLayers } from './layer-removal.js';
import { removedNow } from './readable-manifest.js';

const LANES = 8;
/** How often what is pushed beside a removal is removed with the rest. */
const MOST_PASSES = 10;

/** What was removed; distinct blobs, whose bytes are garbage collection's. */
export interface RemovedRepository {
  readonly manifests: number;
  readonly tags: number;
  readonly blobs: number;
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
  parts: HoldingParts,
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
    blobs: await removeUnneededLayers(parts, name),
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
    private readonly parts: HoldingParts,
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
    for await (const { links, others } of linkBatches(driver, revisionsPrefix(this.name))) {
      count += (await mapBounded(links, LANES, ({ digest }) => remove(digest))).filter(Boolean).length;
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
    for await (const digest of heldManifests(this.parts, this.name))
      if (await this.parts.registry.manifests.has(this.name, digest)) return true;
    return false;
  }
}

async function holdsAny(driver: StorageDriver, name: RepositoryName): Promise<boolean> {
  const prefixes = [revisionsPrefix(name), tagsPrefix(name), layersPrefix(name)];
  const listings = await Promise.all(prefixes.map((prefix) => driver.list({ prefix, limit: 1 })));
  return listings.some(({ objects }) => objects.length > 0);
}
