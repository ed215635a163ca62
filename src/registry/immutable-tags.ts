import type { Digest } from '../domain/digest.js';
import { pinKey } from '../domain/keys.js';
import { parseTag } from '../domain/reference.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { TagPattern } from '../domain/tag-pattern.js';
import { RegistryError } from '../errors/registry-error.js';
import { surely } from '../ports/absence.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/** The tags that are set once, and which of them keeps a manifest from being deleted. */
export class ImmutableTags {
  constructor(
    private readonly driver: StorageDriver,
    private readonly patterns: readonly TagPattern[],
  ) {}

  get any(): boolean {
    return this.patterns.length > 0;
  }

  has(name: RepositoryName, tag: Tag): boolean {
    return this.patterns.some((pattern) => pattern.matches(name, tag));
  }

  /** Tells, before the tag points to the manifest, that it may: a listing may not show the tag for a while. */
  async pin(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    await this.driver.put(pinKey(name, digest), Buffer.from(tag));
  }

  /** The immutable tag that was last to be pointed to the manifest, be it that it never was. */
  async pinOf(name: RepositoryName, digest: Digest): Promise<Tag | undefined> {
    try {
      const text = await surely(() => this.driver.read(pinKey(name, digest), { fresh: true }));
      const tag = parseTag(text.toString());
      return this.has(name, tag) ? tag : undefined;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

export function immutableTag(tag: Tag): RegistryError {
  return new RegistryError('DENIED', `the tag ${tag} is immutable: it can be neither moved nor deleted`, {
    detail: { tag },
  });
}
