import type { Page, PageRequest } from '../domain/page.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { mapBounded } from '../registry/bounded.js';
import type { Registry } from '../registry/registry.js';
import { ifReadable } from './readable-manifest.js';
import { TotalSizes } from './total-size.js';

const LANES = 16;

export interface TagDetail {
  readonly name: string;
  readonly digest: string;
  /** Absent, as `size`, where the manifest is missing or damaged. */
  readonly mediaType?: string;
  /** Bytes of the manifest and all it refers to; see `TotalSizes`. */
  readonly size?: number;
  /** RFC 3339; when it was last set. */
  readonly updatedAt: string;
  /** Can be neither moved nor deleted. */
  readonly immutable: boolean;
}

/**
 * One listing of the tags (remembered for 5 seconds), one request for each that is shown, one for its manifest unless
 * that is in memory, and those of `TotalSizes` for indexes, one at a time for each; none once the signal is aborted. A tag
 * that was removed meanwhile is left out. @throws RegistryError NAME_UNKNOWN; the signal's reason
 */
export async function describeTags(
  registry: Registry,
  name: RepositoryName,
  request: PageRequest,
  signal?: AbortSignal,
): Promise<Page<TagDetail>> {
  const { items, next } = await registry.tags.page(name, request);
  const sizes = new TotalSizes(registry, name, 1, signal);
  const described = await mapBounded(items, LANES, (tag) => {
    signal?.throwIfAborted();
    return describeTag(registry, name, tag as Tag, sizes);
  });
  const tags = described.filter((tag) => tag !== undefined);
  return next === undefined ? { items: tags } : { items: tags, next };
}

/** Undefined where there is no such tag. */
export async function describeTag(
  registry: Registry,
  name: RepositoryName,
  tag: Tag,
  sizes = new TotalSizes(registry, name, LANES),
): Promise<TagDetail | undefined> {
  const { tags, manifests } = registry;
  const current = await tags.describe(name, tag);
  if (current === undefined) return undefined;
  const { digest, writtenAt } = current;
  const stored = await ifReadable(manifests.get(name, { kind: 'digest', digest }, { isTagged: true }));
  return {
    name: tag,
    digest: digest.toString(),
    ...(stored && { mediaType: stored.mediaType, size: await sizes.of(stored) }),
    updatedAt: writtenAt.toISOString(),
    immutable: tags.isImmutable(name, tag),
  };
}
