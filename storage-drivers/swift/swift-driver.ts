import type { Readable } from 'node:stream';
import { FORMAT_KEY } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type {
  Abortable,
  DeleteFailure,
  GetOptions,
  ListOptions,
  Listing,
  ObjectStat,
  PutOptions,
  PutVerifiedOptions,
  ReadOptions,
  StatOptions,
  StorageDriver,
} from '../../src/ports/storage-driver.js';
import { requireKey, requirePrefix } from '../../src/ports/storage-requirements.js';
import { ClientTempUrlStore } from './client-temp-url-store.js';
import { ContainerListing } from './container-listing.js';
import { DloObjects } from './dlo-objects.js';
import { DloSegments } from './dlo-segments.js';
import { ObjectEraser } from './object-eraser.js';
import { ObjectNames } from './object-names.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter } from './object-writer.js';
import { SloStore } from './slo-store.js';
import { StreamedPuts } from './streamed-put.js';
import { SwiftClient } from './swift-client.js';
import type { SwiftTimes } from './swift-client.js';
import { SwiftContainer } from './swift-container.js';
import { SHORT_BYTES, SwiftSegments } from './swift-segments.js';
import type { SwiftInfo } from './swift-info.js';
import { SwiftSession } from './swift-session.js';
import { TempUrls } from './temp-urls.js';
import { VerifiedPuts } from './verified-put.js';

export interface SwiftOptions {
  readonly account: OpenStackAccount;
  readonly times: SwiftTimes;
  readonly container: string;
  /** Joined as distribution's Swift driver joins it. */
  readonly prefix: string;
  /** Of a container that is made here. */
  readonly storagePolicy?: string | undefined;
  /** Bytes of one segment, and of one body whose digest is known. */
  readonly segmentBytes: number;
  /** Whether a container without a TempURL key may be given one; without any key nothing is signed. */
  readonly createTempUrlKey: boolean;
}

export interface SwiftDriverOptions extends SwiftOptions {
  readonly clock: Clock;
  readonly ids: Ids;
}

/** A container of OpenStack Swift. Nothing is asked of it before the first operation. */
export function createSwiftDriver(options: SwiftDriverOptions): StorageDriver {
  return new SwiftDriver(options);
}

const DELETE_BATCH = 1000;
/** Written twice they cost Swift less than a segment with its owner record, its manifest and slower reads. */
const INLINE_BYTES = 2 * 1024 * 1024;

class SwiftDriver implements StorageDriver {
  readonly name = 'swift';
  readonly limits: { segmentBytes: number; deleteBatch: number; inlineBytes: number };
  readonly segments: SwiftSegments;
  readonly legacy: DloObjects;
  private readonly names: ObjectNames;
  private readonly session: SwiftSession;
  private readonly client: SwiftClient;
  private readonly container: SwiftContainer;
  private readonly puts: StreamedPuts;
  private readonly slos: SloStore;
  private readonly reader: ObjectReader;
  private readonly writer: ObjectWriter;
  private readonly eraser: ObjectEraser;
  private readonly verified: VerifiedPuts;
  private readonly listing: ContainerListing;
  private readonly tempUrls: TempUrls;

  constructor(options: SwiftDriverOptions) {
    const { account, clock, ids, times, segmentBytes } = options;
    this.limits = { segmentBytes, deleteBatch: DELETE_BATCH, inlineBytes: INLINE_BYTES };
    const ready = (signal?: AbortSignal): Promise<SwiftInfo> => this.ready(signal);
    this.names = new ObjectNames(options.prefix);
    this.session = new SwiftSession({ account, clock, timeout: times.request });
    this.client = new SwiftClient({
      tokens: this.session,
      clock,
      ids,
      times,
      container: options.container,
      ca: account.ca,
    });
    this.container = new SwiftContainer(this.client, {
      storagePolicy: options.storagePolicy,
      isKeystone: account.credentials.kind !== 'v1',
      projectName: projectNameOf(account),
    });
    this.puts = new StreamedPuts(this.client);
    this.slos = new SloStore(this.client);
    this.reader = new ObjectReader(this.client, this.slos, () => this.limits.segmentBytes);
    this.writer = new ObjectWriter(this.client, this.puts);
    this.eraser = new ObjectEraser(this.client);
    this.verified = new VerifiedPuts(this.client, this.writer, this.puts);
    this.listing = new ContainerListing(this.client, ready);
    this.tempUrls = new TempUrls(
      { store: new ClientTempUrlStore(this.client), clock, ids },
      {
        container: options.container,
        known: this.names.of(FORMAT_KEY),
        createKey: options.createTempUrlKey,
      },
    );
    const { names, reader, writer, eraser, slos, listing } = this;
    const ourTime = (swifts: Date): Date => this.client.ourTime(swifts);
    this.segments = new SwiftSegments({
      names,
      reader,
      writer,
      eraser,
      slos,
      listing,
      ids,
      ourTime,
      ready,
    });
    const dlos = new DloSegments(this.client, reader, listing);
    this.legacy = new DloObjects({ client: this.client, names, segments: dlos, slos, writer, ids, ready });
  }

  async stat(key: Key, options: StatOptions = {}): Promise<ObjectStat> {
    await this.ready(options.signal);
    return this.reader.stat(this.objectOf(key), options);
  }

  async get(key: Key, options: GetOptions = {}): Promise<{ stat: ObjectStat; body: Readable }> {
    await this.ready(options.signal);
    return this.reader.open(this.objectOf(key), options);
  }

  async read(key: Key, options: ReadOptions = {}): Promise<Buffer> {
    await this.ready(options.signal);
    return this.reader.read(this.objectOf(key), options);
  }

  async put(key: Key, bytes: Uint8Array, options: PutOptions = {}): Promise<ObjectStat> {
    await this.ready(options.signal);
    return this.writer.put(this.objectOf(key), bytes, options);
  }

  async putVerified(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    options: PutVerifiedOptions,
  ): Promise<ObjectStat> {
    await this.ready(options.signal);
    const object = this.objectOf(key);
    if (options.size > this.limits.segmentBytes) {
      throw new StorageError('RANGE', `${key}: one request takes at most ${this.limits.segmentBytes} bytes`);
    }
    return this.verified.put(object, body, options);
  }

  async isDamaged(key: Key): Promise<boolean> {
    await this.ready();
    return this.slos.isDamaged(this.objectOf(key));
  }

  async list({ prefix, delimiter, startAfter, limit, signal }: ListOptions): Promise<Listing> {
    requirePrefix(prefix);
    const marker = startAfter === undefined ? undefined : this.names.of(startAfter);
    const listing = await this.listing.page({
      prefix: this.names.of(prefix),
      delimiter,
      marker,
      limit,
      signal,
    });
    const keyOf = (name: string): Key => this.names.keyOf(name, prefix);
    const objects = listing.objects.map(({ name, ...stat }) => ({ key: keyOf(name), ...stat }));
    const prefixes = listing.prefixes.map(keyOf);
    return { objects, prefixes, ...(listing.next !== undefined && { next: keyOf(listing.next) }) };
  }

  async delete(key: Key, { signal }: Abortable = {}): Promise<void> {
    await this.ready(signal);
    await this.eraser.delete(this.objectOf(key), signal);
  }

  async deleteMany(keys: readonly Key[], { signal }: Abortable = {}): Promise<readonly DeleteFailure[]> {
    const { bulkDeletes } = await this.ready(signal);
    const objects = new Map(keys.map((key) => [this.objectOf(key), key]));
    const failures = await this.eraser.deleteMany([...objects.keys()], bulkDeletes, signal);
    return failures.flatMap(({ object, error }) => {
      const key = objects.get(object);
      return key === undefined ? [] : [{ key, error }];
    });
  }

  async signedUrl(
    key: Key,
    { method, expiresAt }: { method: 'GET' | 'HEAD'; expiresAt: Date },
  ): Promise<URL | undefined> {
    await this.ready();
    return this.tempUrls.url(this.objectOf(key), method, expiresAt);
  }

  async close(): Promise<void> {
    this.container.close();
    this.session.close();
    this.puts.close();
    await this.client.close();
  }

  /** Waits until the container is known to be there and to be private, and takes over the limits of its Swift. */
  private async ready(signal?: AbortSignal): Promise<SwiftInfo> {
    const info = await this.container.open(signal);
    this.limits.segmentBytes = Math.min(this.limits.segmentBytes, info.maxObjectBytes - SHORT_BYTES);
    return info;
  }

  private objectOf(key: Key): string {
    requireKey(key);
    return this.names.of(key);
  }
}

export function projectNameOf({ credentials }: OpenStackAccount): string | undefined {
  const scope = 'scope' in credentials ? credentials.scope : undefined;
  return scope !== undefined && 'project' in scope && 'name' in scope.project
    ? scope.project.name
    : undefined;
}
