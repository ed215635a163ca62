import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Invalidations } from '../ports/invalidations.js';

/** A link of a repository to stored bytes. */
export interface Member {
  /** sha256 of the bytes; differs from the name they are asked by when that is of another algorithm. */
  readonly stored: Digest;
  /** Bytes. */
  readonly size: number;
  /** Of a manifest. */
  readonly mediaType?: string;
}

interface Entry extends Member {
  readonly until: number;
}

const MAX_ENTRIES = 100_000;

/**
 * Remembers for a short time which blobs or manifests belong to a repository: positive answers only, forgotten
 * at once by all workers of this server when a link is deleted.
 */
export class Membership {
  private readonly entries = new LRUCache<string, Entry>({ max: MAX_ENTRIES });
  private forgotten = 0;

  constructor(
    private readonly kind: 'layer' | 'revision',
    private readonly clock: Clock,
    private readonly invalidations: Invalidations,
    /** Milliseconds; 0 remembers nothing. */
    private readonly maxAge: number,
  ) {
    invalidations.subscribe((invalidation) => {
      if (invalidation.kind === kind) this.drop(invalidation.key);
    });
  }

  get(name: RepositoryName, digest: Digest): Member | undefined {
    const entry = this.entries.get(keyOf(name, digest));
    return entry !== undefined && entry.until > this.clock.now() ? entry : undefined;
  }

  /** The remembered answer, else what `read` finds. */
  async find(name: RepositoryName, digest: Digest, read: () => Promise<Member>): Promise<Member> {
    const known = this.get(name, digest);
    if (known !== undefined) return known;
    const since = this.now();
    const member = await read();
    this.set(name, digest, member, since);
    return member;
  }

  /** To be taken before the store is asked or changed, for `set`. */
  now(): number {
    return this.forgotten;
  }

  /** Unless anything was forgotten `since`: then what the store said may be over. */
  set(name: RepositoryName, digest: Digest, member: Member, since: number): void {
    if (this.maxAge === 0 || since !== this.forgotten) return;
    this.entries.set(keyOf(name, digest), { ...member, until: this.clock.now() + this.maxAge });
  }

  async forget(name: RepositoryName, digest: Digest): Promise<void> {
    const key = keyOf(name, digest);
    this.drop(key);
    await this.invalidations.publish({ kind: this.kind, key });
  }

  private drop(key: string): void {
    this.forgotten += 1;
    this.entries.delete(key);
  }
}

function keyOf(name: RepositoryName, digest: Digest): string {
  return `${name}@${digest.toString()}`;
}
