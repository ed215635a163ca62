import type { Digest } from '../domain/digest.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import type { ManifestGet, StoredManifest } from '../registry/manifest-store.js';
import type { Registry, ServedRegistry } from '../registry/registry.js';
import type { ManifestFetches, TakenManifest } from './manifest-fetches.js';
import { isLacking, told } from './mirror-failure.js';
import type { MirrorUses } from './mirror-uses.js';
import type { MissingContent } from './missing-content.js';
import type { Remote, Remotes } from './remote.js';
import type { TagLooks } from './tag-looks.js';
import { UpstreamError, isUpstreamError } from './upstream/upstream-error.js';

export interface MirrorManifestsParts {
  readonly registry: Registry;
  readonly remotes: Remotes;
  readonly fetches: ManifestFetches;
  readonly looks: TagLooks;
  readonly missing: MissingContent;
  readonly uses: MirrorUses;
  readonly telemetry: MirrorTelemetry;
  readonly clock: Clock;
  /** Milliseconds that a tag which is known waits for the upstream before it is answered as known. */
  readonly staleAfter: number;
}

/** Manifests, those of the mirror taken from their upstreams as they are read. */
export class MirrorManifests {
  private readonly missed = new WeakSet<TakenManifest>();

  constructor(private readonly parts: MirrorManifestsParts) {}

  /** @throws RegistryError MANIFEST_UNKNOWN; DENIED, TOOMANYREQUESTS, UNAVAILABLE of an upstream */
  async get(name: RepositoryName, reference: Reference, options?: ManifestGet): Promise<StoredManifest> {
    const { registry, remotes, uses } = this.parts;
    const remote = await remotes(name);
    if (remote === undefined) return registry.manifests.get(name, reference, options);
    const manifest = await (reference.kind === 'tag'
      ? this.byTag(name, reference.tag, remote)
      : this.byDigest(name, reference.digest, remote));
    uses.note(name, manifest.digest);
    return manifest;
  }

  readonly put: ServedRegistry['manifests']['put'] = (...call) => this.parts.registry.manifests.put(...call);
  readonly delete: ServedRegistry['manifests']['delete'] = (...call) =>
    this.parts.registry.manifests.delete(...call);

  private async byDigest(name: RepositoryName, digest: Digest, remote: Remote): Promise<StoredManifest> {
    const { fetches, missing } = this.parts;
    const held = await this.held(name, { kind: 'digest', digest });
    if (held !== undefined) return this.hit(remote, held);
    if (missing.has(name, digest.toString())) throw new RegistryError('MANIFEST_UNKNOWN');
    try {
      return this.counted(remote, await fetches.byDigest(name, digest, remote));
    } catch (error) {
      return this.fail(name, digest.toString(), remote, error);
    }
  }

  private async byTag(name: RepositoryName, tag: Tag, remote: Remote): Promise<StoredManifest> {
    const { looks, missing } = this.parts;
    const isMissing = missing.has(name, tag);
    if (this.isPinned(name, tag, remote) || (!isMissing && looks.isFresh(name, tag))) {
      const held = await this.held(name, { kind: 'tag', tag });
      if (held !== undefined) return this.hit(remote, held);
    }
    if (isMissing) throw new RegistryError('MANIFEST_UNKNOWN', undefined, { detail: { tag } });
    const looking = looks.look(name, tag, remote);
    try {
      return this.counted(remote, await this.inTime(looking));
    } catch (error) {
      const stale = isUpstreamError(error, 'absent') ? undefined : await this.stale(name, tag, remote, error);
      if (stale !== undefined) return stale;
      return this.counted(remote, await looking.catch((late: unknown) => this.fail(name, tag, remote, late)));
    }
  }

  /** What is known of a tag whose upstream could not be asked. @throws the error, where that is not the reason */
  private async stale(
    name: RepositoryName,
    tag: Tag,
    remote: Remote,
    error: unknown,
  ): Promise<StoredManifest | undefined> {
    if (!(error instanceof UpstreamError)) throw error;
    const held = await this.held(name, { kind: 'tag', tag });
    if (held === undefined) return undefined;
    const upstream = remote.upstream.name;
    this.parts.telemetry.mirrorEvent({
      kind: 'stale',
      upstream,
      repository: name,
      tag,
      reason: error.message,
    });
    return this.hit(remote, held);
  }

  /** @throws UpstreamError also where it takes too long; the look goes on then */
  private inTime(looking: Promise<TakenManifest>): Promise<TakenManifest> {
    const { clock, staleAfter } = this.parts;
    return new Promise((resolve, reject) => {
      const stop = clock.every(staleAfter, () => {
        stop();
        reject(new UpstreamError('unavailable', `the upstream takes longer than ${staleAfter} ms`));
      });
      looking.then(resolve, reject).finally(stop);
    });
  }

  private async held(name: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    try {
      return await this.parts.registry.manifests.get(name, reference);
    } catch (error) {
      if (isLacking(error)) return undefined;
      throw error;
    }
  }

  /** Taken once, and never looked for again. */
  private isPinned(name: RepositoryName, tag: Tag, { upstream, name: theirs }: Remote): boolean {
    const { tags } = this.parts.registry;
    return upstream.pinned.some((pattern) => pattern.matches(theirs, tag)) || tags.isImmutable(name, tag);
  }

  private fail(name: RepositoryName, reference: string, remote: Remote, error: unknown): never {
    if (isUpstreamError(error, 'absent')) this.parts.missing.note(name, reference);
    throw told(error, remote, 'MANIFEST_UNKNOWN');
  }

  private hit({ upstream }: Remote, manifest: StoredManifest): StoredManifest {
    const bytes = manifest.bytes.byteLength;
    this.parts.telemetry.mirrorEvent({ kind: 'hit', upstream: upstream.name, object: 'manifest', bytes });
    return manifest;
  }

  /** Who was the first to ask for what was not there missed it. */
  private counted(remote: Remote, taken: TakenManifest): StoredManifest {
    const { manifest, wasHeld } = taken;
    if (wasHeld || this.missed.has(taken)) return this.hit(remote, manifest);
    this.missed.add(taken);
    const upstream = remote.upstream.name;
    this.parts.telemetry.mirrorEvent({ kind: 'miss', upstream, object: 'manifest' });
    return manifest;
  }
}
