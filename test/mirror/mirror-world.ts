import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { processLocks } from '../../src/composition/locks.js';
import { systemIds } from '../../src/composition/system.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { Digest } from '../../src/domain/digest.js';
import { MIRROR_FETCHES_PREFIX } from '../../src/domain/keys.js';
import { parseReference } from '../../src/domain/reference.js';
import type { Reference } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { RepositoryName } from '../../src/domain/repository-name.js';
import { createMirror } from '../../src/mirror/create-mirror.js';
import type { MirrorLimits } from '../../src/mirror/create-mirror.js';
import { MirrorUses } from '../../src/mirror/mirror-uses.js';
import type { Mirror } from '../../src/mirror/mirror.js';
import { Namespaces } from '../../src/mirror/namespaces.js';
import { unlessReadOnly } from '../../src/mirror/upstream/read-only-upstream.js';
import { UpstreamClient } from '../../src/mirror/upstream/upstream-client.js';
import { UPSTREAM_LIMITS } from '../../src/mirror/upstream/upstream-limits.js';
import type { Upstream } from '../../src/mirror/upstream/upstream.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Locker } from '../../src/ports/locker.js';
import type { Logger } from '../../src/ports/logger.js';
import type { MirrorEvent } from '../../src/ports/mirror-telemetry.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { createRegistry } from '../../src/registry/registry.js';
import type { Registry, RegistryOptions } from '../../src/registry/registry.js';
import { Origin } from './upstream/upstream-bed.js';
import type { Asked } from './upstream/upstream-bed.js';

export const NAME = parseRepositoryName('mirror/up/library/busybox');
const THERE = 'library/busybox';

export function digestOf(bytes: Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
  return Digest.of(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

export function referenceTo(text: string): Reference {
  return parseReference(text);
}

/** Real timers, and a time that can be moved. */
export class MovedClock implements Clock {
  private offset = 0;

  now(): number {
    return Date.now() + this.offset;
  }

  every(milliseconds: number, callback: () => void): () => void {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  }

  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }
}

/** Answers a request instead of the upstream's content; false where it does not. */
export type Meddling = (asked: Asked, response: ServerResponse) => boolean;

/** A registry on loopback that serves what it is given, unless a test meddles. */
export class TestUpstream {
  meddling: Meddling = () => false;
  private readonly content = new Map<string, { readonly bytes: Buffer; readonly type: string }>();

  private constructor(private readonly holder: { origin?: Origin }) {}

  static async start(): Promise<TestUpstream> {
    const holder: { origin?: Origin } = {};
    const upstream = new TestUpstream(holder);
    holder.origin = await Origin.start((asked, response) => {
      if (!upstream.meddling(asked, response)) upstream.answer(asked, response);
    });
    return upstream;
  }

  get origin(): Origin {
    if (this.holder.origin === undefined) throw new Error('not started');
    return this.holder.origin;
  }

  /** Requests so far, without the version check: `GET blobs/sha256:…`. */
  get asked(): readonly string[] {
    return this.origin.asked.map(({ method, url }) => `${method} ${url.replace(`/v2/${THERE}/`, '')}`);
  }

  blob(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
    const digest = digestOf(bytes, algorithm);
    this.put(`blobs/${digest.toString()}`, bytes, 'application/octet-stream');
    return digest;
  }

  manifest(value: object, tag?: string): Digest {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    const type = (value as { mediaType?: string }).mediaType ?? 'application/vnd.oci.image.manifest.v1+json';
    this.put(`manifests/${digest.toString()}`, bytes, type);
    if (tag !== undefined) this.put(`manifests/${tag}`, bytes, type);
    return digest;
  }

  put(path: string, bytes: Buffer, type: string): void {
    this.content.set(`/v2/${THERE}/${path}`, { bytes, type });
  }

  remove(path: string): void {
    this.content.delete(`/v2/${THERE}/${path}`);
  }

  answer({ method, url, headers }: Asked, response: ServerResponse): void {
    const found = this.content.get(url.replace(/\?.*$/, ''));
    if (found === undefined) {
      response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[]}');
      return;
    }
    const { bytes, type } = found;
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'Content-Type': type,
      'Content-Length': bytes.byteLength - from,
      'Docker-Content-Digest': digestOf(bytes).toString(),
      ...(from > 0 && { 'Content-Range': `bytes ${from}-${bytes.byteLength - 1}/${bytes.byteLength}` }),
    });
    response.end(method === 'HEAD' ? undefined : bytes.subarray(from));
  }

  stop(): Promise<void> {
    return this.origin.stop();
  }
}

/** A process that mirrors the upstream into a store. */
export interface MirrorNode {
  readonly mirror: Mirror;
  readonly registry: Registry;
  readonly readOnly: ReadOnlyMode;
  readonly driver: StorageDriver;
  readonly events: readonly MirrorEvent[];
  readonly lines: readonly string[];
}

export interface MirrorNodeOptions {
  readonly clock?: Clock;
  readonly locker?: Locker;
  readonly limits?: Partial<MirrorLimits>;
  readonly upstream?: Partial<Upstream>;
  readonly registry?: Partial<RegistryOptions>;
}

const KIB = 1024;

const SHORT_LIMITS: MirrorLimits = {
  maxBlobBytes: 64 * KIB * KIB,
  heldBytes: 64 * KIB,
  windowBytes: 128 * KIB,
  pieceBytes: 512 * KIB,
  leastPace: 50_000,
  beatEvery: 20,
  lookEvery: 5,
  deadAfter: 250,
  tagMaxAge: 60_000,
  missingMaxAge: 30_000,
  staleAfter: 100,
  bodyTimeout: 2000,
  maxManifestBytes: 4 * KIB * KIB,
};

export function openMirror(
  driver: StorageDriver,
  { origin }: TestUpstream,
  options: MirrorNodeOptions = {},
): MirrorNode {
  const { clock = new MovedClock(), locker = processLocks() } = options;
  const events: MirrorEvent[] = [];
  const lines: string[] = [];
  const note = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: note, info: note, warn: note, error: note, flush: async () => undefined };
  const telemetry = { mirrorEvent: (event: MirrorEvent) => void events.push(event) };
  const upstream: Upstream = {
    name: 'up',
    url: new URL(`${origin.url}/`),
    namespaces: ['up'],
    logins: [],
    tokenHosts: [],
    networks: [],
    allow: [],
    deny: [],
    pinned: [],
    tls: {},
    ...options.upstream,
  };
  const client = new UpstreamClient(
    upstream,
    { clock, telemetry, log },
    { ...UPSTREAM_LIMITS, idleTimeout: 1000, answerTimeout: 1000 },
  );
  const registry = createRegistry(
    { driver, clock, ids: systemIds, invalidations: noInvalidations },
    {
      shared: false,
      references: 'required',
      cacheMaxAge: 5000,
      manifestCacheBytes: KIB * KIB,
      uploadMaxAge: 6 * 24 * 3600 * 1000,
      uploadPurgeAfter: 8 * 24 * 3600 * 1000,
      ...options.registry,
    },
  );
  const readOnly = new ReadOnlyMode(driver, clock, noInvalidations);
  const namespaces = new Namespaces([upstream], []);
  const mirror = createMirror(
    {
      registry,
      driver,
      upstreams: new Map([[upstream, unlessReadOnly(client, readOnly)]]),
      remoteOf: (name: RepositoryName) => namespaces.remoteOf(name),
      uses: new MirrorUses(driver, clock, log),
      locker,
      clock,
      ids: systemIds,
      log,
      telemetry,
    },
    { ...SHORT_LIMITS, ...options.limits },
  );
  return { mirror, registry, readOnly, driver, events, lines };
}

/** A chunk may be ours only until we take the next. */
export async function bytesOf(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The bytes of a blob, as the API would send them. */
export async function pull({ mirror }: MirrorNode, digest: Digest, name = NAME): Promise<Buffer> {
  const { member, body } = await mirror.registry.blobs.openWhole(name, digest);
  const bytes = await bytesOf(body);
  if (bytes.byteLength !== member.size) throw new Error(`${bytes.byteLength} bytes of ${member.size}`);
  return bytes;
}

/** Waits for what goes on by itself. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Whether others can learn that the blob is being taken. */
export async function isTold({ driver }: MirrorNode, digest: Digest): Promise<boolean> {
  const { objects } = await driver.list({ prefix: MIRROR_FETCHES_PREFIX, limit: 100 });
  return objects.some(({ key }) => key.endsWith(digest.hex));
}
