import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import type { Manifest } from '../domain/manifest.js';
import type { RepositoryName } from '../domain/repository-name.js';

const MOST_REMEMBERED = 50_000;

/** How large the blobs are that a repository's manifests name: so its upstream need not be asked before they are taken. */
export class BlobSizes {
  private readonly sizes = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  private readonly unasked = new LRUCache<string, true>({ max: MOST_REMEMBERED });

  note(name: RepositoryName, { config, layers }: Manifest): void {
    for (const { digest, size } of [...(config ? [config] : []), ...layers])
      this.see(keyOf(name, digest), size);
  }

  /** Whether it is asked for first since its manifest was taken: hardly any is held by then. */
  isNew(name: RepositoryName, digest: Digest): boolean {
    return this.unasked.delete(keyOf(name, digest));
  }

  of(name: RepositoryName, digest: Digest): number | undefined {
    return this.sizes.get(keyOf(name, digest));
  }

  private see(key: string, size: number): void {
    this.sizes.set(key, size);
    this.unasked.set(key, true);
  }
}

function keyOf(name: RepositoryName, digest: Digest): string {
  return `${name}@${digest.toString()}`;
}
