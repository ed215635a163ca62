import { Repositories } from '../../src/admin/repositories.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { Digest } from '../../src/domain/digest.js';
import { blobDataKey } from '../../src/domain/keys.js';
import { parseTag, type Reference } from '../../src/domain/reference.js';
import { parseRepositoryName, type RepositoryName } from '../../src/domain/repository-name.js';
import type { TagPattern } from '../../src/domain/tag-pattern.js';
import type { Invalidations } from '../../src/ports/invalidations.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { StorageOperation } from '../../src/ports/telemetry.js';
import { digestOf } from '../../src/registry/digester.js';
import { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { createRegistry, type Registry } from '../../src/registry/registry.js';
import { checked } from '../../src/storage/checked.js';
import { instrumented } from '../../src/storage/instrumented.js';
import type { Content } from '../http/content.js';
import { DAY, openStore, type StoreName, type TestStore } from '../support/in-process.js';

const MIB = 1024 * 1024;

export interface WorldOptions {
  readonly deletion?: boolean;
  readonly immutableTags?: readonly TagPattern[];
  readonly references?: 'required' | 'sparse';
  readonly shared?: boolean;
  readonly cacheMaxAge?: number;
  readonly requireOwn?: (name: RepositoryName) => Promise<void>;
  readonly invalidations?: Invalidations;
  /** What the process sees of its store. */
  readonly seen?: (driver: StorageDriver) => StorageDriver;
}

export const A = parseRepositoryName('team/a');
export const B = parseRepositoryName('team/b');

export function tagged(tag: string): Reference {
  return { kind: 'tag', tag: parseTag(tag) };
}

export function byDigest(digest: string): Reference {
  return { kind: 'digest', digest: Digest.parse(digest) };
}

/** One process over a store: its registry, and what administrators have of it. */
export class ImageWorld {
  readonly registry: Registry;
  readonly readOnly: ReadOnlyMode;
  readonly repositories: Repositories;
  /** Uncounted, and as the store is. */
  readonly driver: StorageDriver;
  private readonly requests = new Map<StorageOperation, number>();

  constructor(
    readonly store: TestStore,
    private readonly options: WorldOptions = {},
  ) {
    const { seen = (driver) => driver, invalidations = noInvalidations, immutableTags } = options;
    this.driver = store.driver();
    const storageRequest = (operation: StorageOperation): void => {
      this.requests.set(operation, (this.requests.get(operation) ?? 0) + 1);
    };
    const driver = checked(instrumented(seen(this.driver), { storageRequest }));
    const { clock, ids } = store;
    this.registry = createRegistry(
      { driver, clock, ids, invalidations },
      {
        shared: options.shared ?? false,
        references: options.references ?? 'required',
        cacheMaxAge: options.cacheMaxAge ?? 5000,
        manifestCacheBytes: 64 * MIB,
        uploadMaxAge: 6 * DAY,
        uploadPurgeAfter: 8 * DAY,
        ...(immutableTags && { immutableTags }),
      },
    );
    this.readOnly = new ReadOnlyMode(driver, clock, invalidations);
    const { registry, readOnly } = this;
    this.repositories = new Repositories({
      registry,
      driver,
      readOnly,
      deletion: options.deletion ?? true,
      requireOwn: options.requireOwn ?? (async () => undefined),
    });
  }

  static async open(name: StoreName, options: WorldOptions = {}): Promise<ImageWorld> {
    return new ImageWorld(await openStore(name), options);
  }

  /** One more process over the same store. */
  another(options: WorldOptions = {}): ImageWorld {
    return new ImageWorld(this.store, { ...this.options, ...options });
  }

  async pushBlob(name: RepositoryName, bytes: Buffer): Promise<Digest> {
    const digest = digestOf(bytes);
    await this.driver.put(blobDataKey(digest), bytes);
    await this.registry.blobs.link(name, digest, { stored: digest, size: bytes.byteLength });
    return digest;
  }

  /** With the blobs that it names; answers its digest. */
  async push(
    name: RepositoryName,
    { bytes, mediaType }: Content,
    { tags = [], blobs = [] }: { tags?: readonly string[]; blobs?: readonly Buffer[] } = {},
  ): Promise<Digest> {
    for (const blob of blobs) await this.pushBlob(name, blob);
    const put = { bytes, contentType: mediaType, tags: tags.map(parseTag) };
    return (await this.registry.manifests.put(name, put)).digest;
  }

  /** Every key below the repository, and of its own things beside. */
  async keysOf(name: RepositoryName): Promise<readonly string[]> {
    const flat = name.replaceAll('/', '!');
    const all: string[] = [];
    for (const prefix of ['docker/registry/v2/repositories/', 'stackyard/v1/']) {
      const { objects } = await this.driver.list({ prefix, limit: 100_000 });
      all.push(...objects.map(({ key }) => key));
    }
    return all.filter((key) => key.includes(`/${name}/_`) || key.split('/').includes(flat));
  }

  async names(prefix?: string): Promise<readonly string[]> {
    const request = { limit: 1000, ...(prefix !== undefined && { prefix }) };
    return (await this.repositories.list(request, () => true)).items.map(({ name }) => name);
  }

  /** The storage requests that `work` makes, by operation. */
  async countOf(work: () => Promise<unknown>): Promise<Partial<Record<StorageOperation, number>>> {
    this.requests.clear();
    await work();
    return Object.fromEntries(this.requests);
  }
}

/** The same tests over each store, each with a world of its own. */
export function inEveryWorld(
  title: string,
  define: (world: () => ImageWorld) => void,
  options: WorldOptions = {},
): void {
  for (const name of ['memory', 'filesystem'] as const) {
    describe(`${title} [${name}]`, () => {
      let world: ImageWorld | undefined;
      beforeEach(async () => {
        world = await ImageWorld.open(name, options);
      });
      afterEach(async () => {
        await world?.store.remove();
        world = undefined;
      });
      define(() => {
        if (world === undefined) throw new Error('no test is running');
        return world;
      });
    });
  }
}
