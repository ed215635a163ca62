import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Registry } from '../registry/registry.js';
import type { ManifestFetches, TakenManifest } from './manifest-fetches.js';
import type { Remote } from './remote.js';
import { isUpstreamError } from './upstream/upstream-error.js';

const MOST_REMEMBERED = 50_000;
/** Milliseconds until an upstream that failed is asked for the same tag again. */
const AGAIN_AFTER = 10_000;

/** Looks where tags point to at their upstreams, and lets ours point there. */
export class TagLooks {
  private readonly freshUntil = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  private readonly running = new Map<
    string,
    { readonly taking: Promise<TakenManifest>; readonly over: Promise<void> }
  >();

  constructor(
    private readonly registry: Registry,
    private readonly fetches: ManifestFetches,
    private readonly clock: Clock,
    private readonly log: Logger,
    /** Milliseconds that what was seen counts. */
    private readonly maxAge: number,
  ) {}

  /** Whether ours need not be compared now: it was lately, or could not be. */
  isFresh(name: RepositoryName, tag: Tag): boolean {
    return (this.freshUntil.get(`${name}:${tag}`) ?? 0) > this.clock.now();
  }

  /** Shared by all who ask before our tag points there. @throws UpstreamError; StorageError */
  look(name: RepositoryName, tag: Tag, remote: Remote): Promise<TakenManifest> {
    const key = `${name}:${tag}`;
    const running = this.running.get(key);
    if (running !== undefined) return running.taking;
    const since = this.clock.now();
    const taking = this.take(name, tag, remote);
    const done = taking.then(async ({ manifest, stored }) => {
      await stored;
      await this.move(name, tag, manifest.digest);
    });
    const over = done
      .then(
        () => void this.freshUntil.set(key, since + this.maxAge),
        (error: Error) => this.failed(name, tag, since, error),
      )
      .finally(() => this.running.delete(key));
    this.running.set(key, { taking, over });
    return taking;
  }

  /** Waits for tags that are being set. */
  async idle(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ over }) => over));
  }

  private async take(name: RepositoryName, tag: Tag, remote: Remote): Promise<TakenManifest> {
    const { fetches } = this;
    const told = await fetches.digestOf(remote, tag);
    return told === undefined ? fetches.byTag(name, tag, remote) : fetches.byDigest(name, told, remote);
  }

  private async move(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const { tags } = this.registry;
    const current = await tags.describe(name, tag);
    if (current !== undefined && (current.digest.equals(digest) || tags.isImmutable(name, tag))) return;
    await tags.put(name, tag, digest);
  }

  /** An upstream that failed is left alone for a moment; what it has not is remembered elsewhere. */
  private failed(name: RepositoryName, tag: Tag, since: number, error: Error): void {
    if (!isUpstreamError(error))
      this.log.warn({ repository: name, tag, reason: error.message }, 'the mirror could not set a tag');
    else if (error.failure !== 'absent')
      this.freshUntil.set(`${name}:${tag}`, since + Math.min(this.maxAge, AGAIN_AFTER));
  }
}
