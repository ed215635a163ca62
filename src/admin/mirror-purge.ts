import type { Digest } from '../domain/digest.js';
import { layersPrefix, mirrorUseKey } from '../domain/keys.js';
import type { Tag } from '../domain/reference.js';
import { isRepositoryComponent } from '../domain/repository-name.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { RepositoryPattern } from '../domain/repository-pattern.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import { mapBounded } from '../registry/bounded.js';
import { prefixOf } from '../mirror/namespaces.js';
import type { Reservations } from '../mirror/reservations.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import { AdminError } from './admin-error.js';
import { linkBatches, neededBlobs, olderThan } from './held-manifests.js';
import type { HoldingParts } from './held-manifests.js';
import { removeUnneededLayers } from './layer-removal.js';
import { removedNow } from './readable-manifest.js';
import { removeRepository } from './repository-removal.js';
import type { RemovedRepository } from './repository-removal.js';
import { unusedManifests } from './unused-manifests.js';
import type { UnusedManifests } from './unused-manifests.js';
import { forgetUses } from './use-marks.js';

const LANES = 8;
const PAGE = 1000;
const NOTHING: RemovedRepository = { manifests: 0, tags: 0, blobs: 0 };

/** All that are given must hold. */
export interface MirrorPurgeRequest {
  /** The name of one. */
  readonly upstream?: string;
  /** Of repositories as they are called here: `mirror/docker.io/library/*`. */
  readonly repository?: RepositoryPattern;
  /** Milliseconds since the last use; without it whatever was used when. */
  readonly unused?: number;
  readonly dryRun?: boolean;
}

/** What was removed, or would be; the bytes of blobs are garbage collection's. */
export interface MirrorPurgeReport extends RemovedRepository {
  /** Of which anything went. */
  readonly repositories: number;
  readonly dryRun: boolean;
  /** Why nothing was removed though that was asked for. */
  readonly reason?: string;
  /** Repositories of which not all could be removed, and why the first of them could not. */
  readonly failed?: { readonly count: number; readonly reason: string };
}

export interface MirrorPurgeParts extends HoldingParts {
  readonly readOnly: Pick<ReadOnlyMode, 'requireWritable'>;
  readonly reservations: Pick<Reservations, 'list'>;
  /** Whether anything may be deleted: `registry.delete`. */
  readonly deletion: boolean;
  /** Whether another registry writes to the store. */
  readonly shared: boolean;
  readonly clock: Clock;
}

/** Removes what was taken from upstreams; whoever asks for it again has it taken again. */
export class MirrorPurge {
  constructor(private readonly parts: MirrorPurgeParts) {}

  /**
   * Manifests with their tags, then the links to blobs that no other manifest of the repository needs. What cannot be
   * read counts as used: it stays, and is told. Of a shared store it only reports.
   * @throws AdminError invalid; RegistryError UNSUPPORTED; StorageError where it is not told what there is; the signal's
   * reason
   */
  async run(request: MirrorPurgeRequest, signal?: AbortSignal): Promise<MirrorPurgeReport> {
    const { shared, deletion, readOnly, driver, clock } = this.parts;
    const { upstream, repository, unused, dryRun = false } = request;
    if (upstream === undefined && repository === undefined && unused === undefined) {
      throw new AdminError('invalid', 'give an upstream, a pattern of repositories, or how long unused');
    }
    if (upstream !== undefined && !isRepositoryComponent(upstream))
      throw new AdminError('invalid', `'${upstream}' is no name of an upstream; give one such as docker.io`);
    if (!dryRun) {
      await readOnly.requireWritable();
      if (!deletion) throw new RegistryError('UNSUPPORTED', 'deletion is switched off');
    }
    const claimed = await this.parts.reservations.list();
    const prefixes = claimed.filter((name) => upstream === undefined || name === upstream).map(prefixOf);
    const isAskedFor = (name: RepositoryName): boolean =>
      prefixes.some((prefix) => name.startsWith(prefix)) && repository?.matches(name) !== false;
    const sum = new Sum();
    for (const prefix of prefixes) {
      for await (const name of this.names(prefix)) {
        signal?.throwIfAborted();
        if (!isAskedFor(name)) continue;
        await sum.add(() => this.purge(name, unused, dryRun || shared));
      }
    }
    if (!dryRun && !shared) await sum.add(() => forgetUses(driver, clock.now(), isAskedFor, signal));
    const reason = 'another registry may still write to the store; see stackyard adopt';
    return { ...sum.report(), dryRun, ...(shared && !dryRun && { reason }) };
  }

  private async *names(prefix: string): AsyncGenerator<RepositoryName> {
    let last: string | undefined;
    do {
      const page = await this.parts.registry.catalog.list({
        limit: PAGE,
        prefix,
        ...(last !== undefined && { last }),
      });
      for (const name of page.items) yield name as RepositoryName;
      last = page.next;
    } while (last !== undefined);
  }

  private async purge(
    name: RepositoryName,
    unused: number | undefined,
    isReport: boolean,
  ): Promise<RemovedRepository> {
    const { driver, clock } = this.parts;
    const before = unused === undefined ? Number.POSITIVE_INFINITY : clock.now() - unused;
    if (unused === undefined && !isReport) return this.removeWhole(name);
    const found = await unusedManifests(driver, name, before);
    if (isReport) return this.wouldRemove(name, found, before);
    if (found.isAll) return this.removeWhole(name);
    return this.remove(name, found.digests, before);
  }

  /** Somebody else may have removed it meanwhile. */
  private async removeWhole(name: RepositoryName): Promise<RemovedRepository> {
    try {
      return await removeRepository(this.parts, name);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'NAME_UNKNOWN') return NOTHING;
      throw error;
    }
  }

  private async remove(
    name: RepositoryName,
    digests: readonly Digest[],
    before: number,
  ): Promise<RemovedRepository> {
    if (digests.length === 0) return NOTHING;
    const { registry, driver } = this.parts;
    const tags = await this.tagsOf(name, digests);
    const removed = await mapBounded(digests, LANES, async (digest) => {
      const isRemoved = await removedNow(registry.manifests.delete(name, digest));
      await driver.delete(mirrorUseKey(name, digest));
      return isRemoved;
    });
    return {
      manifests: removed.filter(Boolean).length,
      tags,
      blobs: await removeUnneededLayers(this.parts, name, before),
    };
  }

  private async wouldRemove(
    name: RepositoryName,
    { digests, isAll }: UnusedManifests,
    before: number,
  ): Promise<RemovedRepository> {
    if (digests.length === 0 && !isAll) return NOTHING;
    const gone = new Set(digests.map((digest) => digest.toString()));
    let blobs = 0;
    for await (const { links } of linkBatches(this.parts.driver, layersPrefix(name))) {
      // Another algorithm's link leads to a blob that has a link of its own.
      const linked = olderThan(before, links).filter(({ algorithm }) => algorithm === 'sha256');
      const needed = await neededBlobs(this.parts, name, linked, gone);
      blobs += linked.length - needed.size;
    }
    return { manifests: digests.length, tags: await this.tagsOf(name, digests), blobs };
  }

  /** How many tags point to one of them. */
  private async tagsOf(name: RepositoryName, digests: readonly Digest[]): Promise<number> {
    const { tags } = this.parts.registry;
    const meant = new Set(digests.map((digest) => digest.toString()));
    const listed = (await tags.list(name)) as readonly Tag[];
    const pointing = await mapBounded(listed, LANES, async (tag) => {
      const current = await tags.describe(name, tag);
      return current !== undefined && meant.has(current.digest.toString());
    });
    return pointing.filter(Boolean).length;
  }
}

/** What was done in all, and what went wrong on the way. */
class Sum {
  private readonly removed = { repositories: 0, manifests: 0, tags: 0, blobs: 0 };
  private failures = 0;
  private first: string | undefined;

  async add(work: () => Promise<RemovedRepository | void>): Promise<void> {
    try {
      const one = await work();
      if (one === undefined || one.manifests + one.tags + one.blobs === 0) return;
      this.removed.repositories += 1;
      this.removed.manifests += one.manifests;
      this.removed.tags += one.tags;
      this.removed.blobs += one.blobs;
    } catch (error) {
      this.failures += 1;
      this.first ??= error instanceof Error ? error.message : String(error);
    }
  }

  report(): Omit<MirrorPurgeReport, 'dryRun' | 'reason'> {
    const { first, failures } = this;
    return { ...this.removed, ...(first !== undefined && { failed: { count: failures, reason: first } }) };
  }
}
