import type { Digest } from '../domain/digest.js';
import { blobDataKey, layersPrefix, linkedDigest, listedKey, revisionsPrefix } from '../domain/keys.js';
import { RegistryError } from '../errors/registry-error.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { inBatches, listAll } from '../ports/listing.js';
import { mapBounded } from '../registry/bounded.js';
import { readLink } from '../registry/link.js';
import type { Registry } from '../registry/registry.js';
import { DigestSizes } from './digest-sizes.js';

const LANES = 16;
const REPOSITORIES_PER_PAGE = 1000;
/** Blobs that are told apart; at most 96 MiB, twice for a namespace. */
const MOST_BLOBS = 2_000_000;

export interface RepositoryUsage {
  readonly repository: string;
  readonly manifests: number;
  /** Layers and configurations that it holds, each once, whether a manifest refers to them or not. */
  readonly blobs: number;
  /** Of manifests and blobs as they are stored, each once. */
  readonly bytes: number;
}

export interface NamespaceUsage {
  /** Empty for the whole registry. */
  readonly namespace: string;
  readonly repositories: number;
  /** Each once, in whichever repositories it is. */
  readonly manifests: number;
  readonly blobs: number;
  readonly bytes: number;
  /** The sum over the repositories, each by itself. */
  readonly apparentBytes: number;
  /** Whether all were told apart: beyond two million some count more than once. */
  readonly complete: boolean;
}

interface UsageParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
}

interface Counts {
  manifests: number;
  blobs: number;
  bytes: number;
}

/**
 * One listing per 1000 manifests and per 1000 blobs, and one request for the size of each (two for a digest that is
 * no sha256); none once the signal is aborted. @throws RegistryError NAME_UNKNOWN; the signal's reason
 */
export async function repositoryUsage(
  parts: UsageParts,
  name: RepositoryName,
  signal?: AbortSignal,
): Promise<RepositoryUsage> {
  const usage = new Usage(parts.driver, MOST_BLOBS, signal);
  const { manifests, blobs, bytes } = await usage.add(name);
  if (manifests + blobs === 0 && (await parts.registry.tags.page(name, { limit: 1 })).items.length === 0)
    if (!(await parts.registry.catalog.isMarked(name))) throw new RegistryError('NAME_UNKNOWN');
  return { repository: name, manifests, blobs, bytes };
}

/**
 * Of the repository that has the namespace's name and all below it; '' is the whole registry. The requests of
 * `repositoryUsage` for each of them, but the size of each blob is asked for once. @throws the signal's reason
 */
export async function namespaceUsage(
  { registry, driver }: UsageParts,
  namespace: string,
  { signal, mostBlobs = MOST_BLOBS }: { readonly signal?: AbortSignal; readonly mostBlobs?: number } = {},
): Promise<NamespaceUsage> {
  const usage = new Usage(driver, mostBlobs, signal);
  let repositories = 0;
  let apparentBytes = 0;
  for await (const name of namesIn(registry, namespace)) {
    const { bytes } = await usage.add(name);
    repositories += 1;
    apparentBytes += bytes;
  }
  return { namespace, repositories, ...usage.total, apparentBytes, complete: usage.isComplete };
}

async function* namesIn({ catalog }: Registry, namespace: string): AsyncGenerator<RepositoryName> {
  if (namespace !== '') {
    // The name itself is the first of those that begin with it.
    const { items } = await catalog.list({ prefix: namespace, limit: 1 });
    if (items[0] === namespace) yield items[0] as RepositoryName;
  }
  const prefix = namespace === '' ? '' : `${namespace}/`;
  let last: string | undefined;
  do {
    const page = await catalog.list({
      prefix,
      limit: REPOSITORIES_PER_PAGE,
      ...(last !== undefined && { last }),
    });
    for (const name of page.items) yield name as RepositoryName;
    last = page.next;
  } while (last !== undefined);
}

/** Adds up repositories. */
class Usage {
  readonly total: Counts = { manifests: 0, blobs: 0, bytes: 0 };
  isComplete = true;
  private readonly known: DigestSizes;

  constructor(
    private readonly driver: StorageDriver,
    private readonly most: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.known = new DigestSizes(most);
  }

  /** Answers what the repository holds by itself. */
  async add(name: RepositoryName): Promise<Counts> {
    this.signal?.throwIfAborted();
    const own = { manifests: 0, blobs: 0, bytes: 0 };
    const seen = new DigestSizes(this.most);
    for (const [kind, prefix] of [
      ['manifests', revisionsPrefix(name)],
      ['blobs', layersPrefix(name)],
    ] as const) {
      for await (const keys of inBatches(listAll(this.driver, { prefix }), LANES * 4)) {
        await mapBounded(keys, LANES, async (key) => {
          this.signal?.throwIfAborted();
          const stored = await this.storedAs(prefix, key);
          const size = stored && (await this.sizeOf(stored));
          if (stored === undefined || size === undefined) return;
          this.count(own, seen, kind, stored, size);
          this.count(this.total, this.known, kind, stored, size);
        });
      }
    }
    return own;
  }

  private count(
    counts: Counts,
    known: DigestSizes,
    kind: 'manifests' | 'blobs',
    stored: Digest,
    size: number,
  ): void {
    if (known.get(stored) !== undefined) return;
    if (known.isFull) this.isComplete = false;
    known.set(stored, size);
    counts[kind] += 1;
    counts.bytes += size;
  }

  /** Bytes are kept under their sha256. Undefined for a link that is gone by now, and what is none. */
  private async storedAs(prefix: string, key: string): Promise<Digest | undefined> {
    const digest = linkedDigest(prefix, key);
    if (digest === undefined || digest.algorithm === 'sha256') return digest;
    return readLink(this.driver, listedKey(key)).catch(undefinedIfAbsent);
  }

  private async sizeOf(stored: Digest): Promise<number | undefined> {
    const known = this.known.get(stored);
    if (known !== undefined) return known;
    return (await this.driver.stat(blobDataKey(stored)).catch(undefinedIfAbsent))?.size;
  }
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!isStorageError(error, 'NOT_FOUND')) throw error;
}
