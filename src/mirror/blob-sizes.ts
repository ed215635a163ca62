import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import type { Manifest } from '../domain/manifest.js';
import type { RepositoryName } from '../domain/repository-name.js';

const MOST_REMEMBERED = 50_000;

/** How large the blobs are that a repository's manifests name: so its upstream need not be asked before they are taken. */
export class BlobSizes {
  private readonly sizes = new LRUCache<string, number>({ max: MOST_REMEMBERED });

  note(name: RepositoryName, { config, layers }: Manifest): void {
    for (const { digest, size } of [...(config ? [config] : []), ...layers])
      this.sizes.set(keyOf(name, digest), size);
  }

  of(name: RepositoryName, digest: Digest): number | undefined {
    return this.sizes.get(keyOf(name, digest));
  }
}

function keyOf(name: RepositoryName, digest: Digest): string {
  return `${name}@${digest.toString()}`;
}
