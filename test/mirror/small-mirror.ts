import type { RunningMirror } from '../../src/admin/mirror-administration.js';
import { startMirror } from '../../src/composition/running-mirror.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import type { TallyExchange } from '../../src/composition/shared-counters.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import type { Digest } from '../../src/domain/digest.js';
import { blobDataKey, mirrorUpstreamKey } from '../../src/domain/keys.js';
import { parseTag, type Reference } from '../../src/domain/reference.js';
import { parseRepositoryName, type RepositoryName } from '../../src/domain/repository-name.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { Mirror } from '../../src/mirror/mirror.js';
import type { UpstreamState } from '../../src/mirror/upstream/upstream-access.js';
import type { Upstream } from '../../src/mirror/upstream/upstream.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import type { MirrorTelemetry } from '../../src/ports/mirror-telemetry.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import type { StoredManifest } from '../../src/registry/manifest-store.js';
import type { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { createRegistry, type Registry, type ServedRegistry } from '../../src/registry/registry.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { LogLines } from '../composition/log-lines.js';
import { bytesOf, EMPTY_JSON, imageOf, type Content } from '../http/content.js';
import { DAY } from '../support/in-process.js';

export function upstreamOf(name: string, namespaces: readonly string[] = [name]): Upstream {
  return {
    name,
    url: new URL(`https://${name}/`),
    namespaces,
    logins: [],
    tokenHosts: [],
    networks: [],
    allow: [],
    deny: [],
    pinned: [],
    tls: {},
  };
}

/** What every small upstream has as `library/app:1`. */
export const LAYER = bytesOf(5000, 3);
export const IMAGE = imageOf([LAYER]);

/** A registry of its own that a mirror takes from; it counts what is taken, and may be away. */
export class SmallUpstream {
  readonly taken: string[] = [];
  readonly clock: Clock;
  /** What asking it fails with. */
  failure: Error | undefined;
  /** Blobs wait for it. */
  gate: Promise<void> = Promise.resolve();
  private readonly driver: StorageDriver;
  private readonly registry: Registry;
  private readonly filled: Promise<unknown>;

  constructor(clock: Clock, ids: Ids) {
    this.clock = clock;
    this.driver = createMemoryDriver({ clock, ids });
    this.registry = createRegistry(
      { driver: this.driver, clock, ids, invalidations: noInvalidations },
      {
        shared: false,
        references: 'sparse',
        cacheMaxAge: 0,
        manifestCacheBytes: 1024 * 1024,
        uploadMaxAge: 6 * DAY,
        uploadPurgeAfter: 8 * DAY,
      },
    );
    this.filled = this.push('library/app', IMAGE, { tags: ['1'], blobs: [LAYER, EMPTY_JSON] });
  }

  async push(
    repository: string,
    { bytes, mediaType }: Content,
    { tags = [], blobs = [] }: { tags?: readonly string[]; blobs?: readonly Buffer[] } = {},
  ): Promise<void> {
    const name = parseRepositoryName(repository);
    for (const blob of blobs) {
      const digest = digestOf(blob);
      await this.driver.put(blobDataKey(digest), blob);
      await this.registry.blobs.link(name, digest, { stored: digest, size: blob.byteLength });
    }
    await this.registry.manifests.put(name, { bytes, contentType: mediaType, tags: tags.map(parseTag) });
  }

  async manifest(name: RepositoryName, reference: Reference): Promise<StoredManifest> {
    await this.filled;
    if (this.failure !== undefined) throw this.failure;
    this.taken.push(reference.kind === 'tag' ? reference.tag : reference.digest.toString());
    return this.registry.manifests.get(name, reference);
  }

  async blob(name: RepositoryName, digest: Digest, signal?: AbortSignal): Promise<Buffer> {
    await this.filled;
    await this.gate;
    signal?.throwIfAborted();
    if (this.failure !== undefined) throw this.failure;
    this.taken.push(digest.toString());
    const { body } = await this.registry.blobs.openWhole(name, digest);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  }
}

interface SmallMirrorParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
  readonly source: SmallUpstream;
  readonly upstream?: Upstream;
  readonly state?: () => UpstreamState;
}

/** Takes whole objects from one upstream into the registry; nothing of what makes a mirror quick. */
export class SmallMirror implements Mirror {
  readonly registry: ServedRegistry;
  readonly upstreams: Mirror['upstreams'];
  private readonly upstream: Upstream;

  constructor(
    private readonly parts: SmallMirrorParts,
    private readonly telemetry: MirrorTelemetry,
  ) {
    const {
      registry,
      upstream = upstreamOf('hub.test'),
      state = () => ({ state: 'up', since: undefined }),
    } = parts;
    this.upstream = upstream;
    this.upstreams = [{ upstream, state }];
    this.registry = {
      ...registry,
      manifests: {
        get: (name, reference) => this.manifest(name, reference),
        put: (name, put) => registry.manifests.put(name, put),
        delete: (name, digest) => registry.manifests.delete(name, digest),
      },
    };
  }

  async take(
    name: RepositoryName,
    digest: Digest,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly size: number; readonly wasStored: boolean }> {
    const { registry, driver, source } = this.parts;
    const event = { upstream: this.upstream.name, object: 'blob' } as const;
    const member = await registry.blobs.stat(name, digest).catch(undefinedIfUnknown);
    if (member !== undefined) {
      this.telemetry.mirrorEvent({ ...event, kind: 'hit', bytes: member.size });
      return { size: member.size, wasStored: true };
    }
    this.telemetry.mirrorEvent({ ...event, kind: 'miss' });
    const bytes = await source.blob(this.remote(name), digest, signal);
    const size = bytes.byteLength;
    await driver.put(blobDataKey(digest), bytes);
    await registry.blobs.link(name, digest, { stored: digest, size });
    this.telemetry.mirrorEvent({
      ...event,
      kind: 'fetched',
      repository: name,
      digest: digest.toString(),
      bytes: size,
    });
    return { size, wasStored: false };
  }

  async settled(): Promise<void> {}

  async close(): Promise<void> {}

  private async manifest(name: RepositoryName, reference: Reference): Promise<StoredManifest> {
    const { registry, driver, source } = this.parts;
    if (!name.startsWith('mirror/')) return registry.manifests.get(name, reference);
    if (reference.kind === 'digest') {
      const known = await registry.manifests.get(name, reference).catch(undefinedIfUnknown);
      if (known !== undefined) return known;
    }
    const manifest = await source.manifest(this.remote(name), reference);
    await driver.put(mirrorUpstreamKey(this.upstream.name), new Uint8Array());
    await registry.manifests.put(name, {
      digest: manifest.digest,
      bytes: manifest.bytes,
      contentType: manifest.mediaType,
      tags: reference.kind === 'tag' ? [reference.tag] : [],
      sparse: true,
    });
    return manifest;
  }

  private remote(name: RepositoryName): RepositoryName {
    return parseRepositoryName(name.slice(`mirror/${this.upstream.name}/`.length));
  }
}

function undefinedIfUnknown(error: unknown): undefined {
  if (!(error instanceof RegistryError) || !error.code.endsWith('_UNKNOWN')) throw error;
}

export interface SmallSurroundings extends Omit<SmallMirrorParts, 'source'> {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly readOnly: ReadOnlyMode;
  readonly source?: SmallUpstream;
  readonly exchange?: TallyExchange;
  readonly log?: LogLines;
}

/** A mirror of `hub.test` as the admin API has one. */
export function runningSmallMirror({
  clock,
  ids,
  readOnly,
  exchange = noExchange,
  log = new LogLines(),
  source = new SmallUpstream(clock, ids),
  ...parts
}: SmallSurroundings): RunningMirror & { readonly stop: () => Promise<void> } {
  const upstreams = [parts.upstream?.name ?? 'hub.test'];
  const { running, stop } = startMirror({ upstreams, log, clock, readOnly, exchange }, (telemetry) => {
    return new SmallMirror({ ...parts, source }, telemetry);
  });
  return { ...running, stop };
}
