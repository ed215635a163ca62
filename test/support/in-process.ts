import { once } from 'node:events';
import { Agent } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express, RequestHandler } from 'express';
import { openAccess } from '../../src/auth/open-access.js';
import { createMirrorEdge } from '../../src/composition/mirror-edge.js';
import { createTelemetry } from '../../src/composition/telemetry.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { mirrorUpstreamKey } from '../../src/domain/keys.js';
import { createApp } from '../../src/http/app.js';
import { createClientOrigin } from '../../src/http/client-origin.js';
import { Front } from '../../src/http/front.js';
import type { OciOptions } from '../../src/http/oci/call.js';
import { createDispatcher } from '../../src/http/oci/dispatcher.js';
import { RequestAudit } from '../../src/http/oci/request-audit.js';
import { byHostName } from '../../src/http/root-mirror.js';
import { createHttpServer } from '../../src/http/server.js';
import { Reservations } from '../../src/mirror/reservations.js';
import type { Upstream } from '../../src/mirror/upstream/upstream.js';
import type { AuditTrail } from '../../src/ports/audit.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import type { Invalidation, Invalidations } from '../../src/ports/invalidations.js';
import type { Logger } from '../../src/ports/logger.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { StorageOperation } from '../../src/ports/telemetry.js';
import { ReadOnlyAccess } from '../../src/registry/read-only-access.js';
import { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { createRegistry } from '../../src/registry/registry.js';
import type { Registry, RegistryOptions } from '../../src/registry/registry.js';
import { checked } from '../../src/storage/checked.js';
import { instrumented } from '../../src/storage/instrumented.js';
import { createFilesystemDriver } from '../../storage-drivers/filesystem/filesystem-driver.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { adminHandlerOf } from '../http/admin/admin-handler.js';
import type { AdminOptions } from '../http/admin/admin-handler.js';
import { authOf } from '../http/access/token-rules.js';
import type { LoginOptions } from '../http/access/token-rules.js';
import { temporaryDirectory } from './temporary.js';

export const DAY = 24 * 60 * 60 * 1000;
const MIB = 1024 * 1024;
/** Stands still until told otherwise, from the time at which it was made: files have real times. */
export class FakeClock implements Clock {
  private time = Date.now();

  now(): number {
    return this.time;
  }

  every(): () => void {
    return () => undefined;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

/** Ids in the order in which they are made. */
export function fakeIds(): Ids {
  let last = 0;
  return {
    unique: () => `id${(last += 1).toString(36).padStart(24, '0')}`,
    secret: (bytes) => Buffer.alloc(bytes, (last += 1)),
  };
}

/** `inline` is a memory store that would rather have small uploads in their step records, as Swift's does. */
export type StoreName = 'memory' | 'inline' | 'filesystem';
export const STORE_NAMES: readonly StoreName[] = ['memory', 'inline', 'filesystem'];

/** What outlives the servers over it. */
export interface TestStore {
  readonly name: StoreName | 'swift';
  readonly clock: FakeClock;
  readonly ids: Ids;
  /** Of the filesystem: the directory that holds everything. */
  readonly root: string;
  /** A driver as another process would open it. */
  driver(): StorageDriver;
  remove(): Promise<void>;
}

export async function openStore(name: StoreName): Promise<TestStore> {
  const clock = new FakeClock();
  const ids = fakeIds();
  if (name !== 'filesystem') {
    const inlineBytes = name === 'inline' ? 100_000 : 0;
    const driver = createMemoryDriver({ clock, ids, segmentBytes: 8 * MIB, inlineBytes });
    return { name, clock, ids, root: '', driver: () => driver, remove: () => driver.close() };
  }
  const directory = await temporaryDirectory('store');
  const root = directory.path;
  return {
    name,
    clock,
    ids,
    root,
    driver: () => createFilesystemDriver({ root, clock, ids }),
    remove: () => directory.remove(),
  };
}

export type NodeOptions = Partial<RegistryOptions> &
  Partial<OciOptions> & {
    readonly invalidations?: Invalidations;
    readonly maxInFlight?: number;
    readonly patience?: number;
    /** Instead of one of the store's own. */
    readonly driver?: StorageDriver;
    /** `auth.mode: token`; without it everybody may do everything. */
    readonly logins?: LoginOptions;
    /** Instead of those of the logins. */
    readonly tokens?: RequestHandler;
    readonly log?: Logger;
    /** Told of logins and of what is pulled, pushed and deleted. */
    readonly audit?: AuditTrail;
    /** Offers the admin API. */
    readonly admin?: AdminOptions;
    readonly mirror?: MirrorOptions;
  };

/** How requests are understood where there are upstreams; nothing is ever taken from these. */
export interface MirrorOptions {
  readonly upstreams: readonly Upstream[];
  /** Host names, and networks of clients, of a root mirror of docker.io. */
  readonly root?: { readonly names: readonly string[]; readonly networks: readonly string[] };
  readonly publicUrl?: string;
  readonly trustedProxies?: readonly string[];
}

/** One server over a store: registry, dispatcher, Express app and front, listening on a port of its own. */
export class RegistryNode {
  readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private readonly requests = new Map<StorageOperation, number>();

  private constructor(
    readonly store: TestStore,
    readonly driver: StorageDriver,
    readonly registry: Registry,
    readonly app: Express,
    readonly server: Server,
  ) {}

  static async start(store: TestStore, options: NodeOptions = {}): Promise<RegistryNode> {
    const scope = createTelemetry();
    const counter: { node?: RegistryNode } = {};
    const telemetry = {
      storageRequest: (operation: StorageOperation): void => {
        scope.storageRequest(operation);
        counter.node?.requests.set(operation, (counter.node.requests.get(operation) ?? 0) + 1);
      },
    };
    const driver = checked(instrumented(options.driver ?? store.driver(), telemetry));
    const { clock, ids } = store;
    const invalidations = options.invalidations ?? noInvalidations;
    const registry = createRegistry(
      { driver, clock, ids, invalidations },
      {
        shared: options.shared ?? false,
        references: options.references ?? 'required',
        cacheMaxAge: options.cacheMaxAge ?? 5000,
        manifestCacheBytes: options.manifestCacheBytes ?? 64 * MIB,
        uploadMaxAge: options.uploadMaxAge ?? 6 * DAY,
        uploadPurgeAfter: options.uploadPurgeAfter ?? 8 * DAY,
        ...(options.immutableTags && { immutableTags: options.immutableTags }),
      },
    );
    const { logins, audit } = options;
    const readOnly = new ReadOnlyMode(driver, clock, invalidations);
    const auth = logins && authOf(logins, { driver, clock, ids, ...(audit && { audit }) });
    const open = auth?.access ?? openAccess;
    const { upstreams = [], root, publicUrl, trustedProxies = [] } = options.mirror ?? {};
    const dispatched = {
      registry,
      access: options.admin ? new ReadOnlyAccess(open, readOnly) : open,
      audit: audit && new RequestAudit(audit, ({ socket }) => socket.remoteAddress ?? ''),
      options: {
        delete: options.delete ?? true,
        maxManifestBytes: options.maxManifestBytes ?? 4 * MIB,
        maxTagsPerPut: options.maxTagsPerPut ?? 20,
        maxPageSize: options.maxPageSize ?? 1000,
        ...(options.redirect && { redirect: options.redirect }),
      },
    };
    const reservations = new Reservations(driver);
    for (const { name } of upstreams) await driver.put(mirrorUpstreamKey(name), new Uint8Array());
    const { rootMirror, ...edge } = createMirrorEdge(
      dispatched,
      reservations,
      upstreams,
      { root: { upstream: 'docker.io', networks: root?.networks ?? [] }, publicUrl },
      createClientOrigin({ trustedProxies, publicUrl }),
    );
    const all = createDispatcher({ ...dispatched, ...edge });
    const oci = root === undefined ? all : byHostName(root.names, rootMirror, all);
    const tokens = options.tokens ?? auth?.app.tokens;
    const admin =
      options.admin &&
      adminHandlerOf(
        { driver, clock, ids, registry, readOnly, access: auth?.adminAccess, rules: logins?.rules, audit },
        options.admin,
      );
    const app = createApp({
      oci,
      readiness: async () => ({ ready: true }),
      ...(tokens && { tokens }),
      ...(admin && { admin }),
    });
    const log = options.log ?? silentLog;
    const front = new Front(
      {
        oci,
        app,
        log,
        clock,
        telemetry: scope,
        maxInFlight: options.maxInFlight ?? 1024,
        patience: options.patience ?? 10_000,
      },
      'test',
    );
    const server = createHttpServer(front.handle, { headers: 60_000, keepAlive: 95_000, bodyIdle: 120_000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const node = new RegistryNode(store, driver, registry, app, server);
    counter.node = node;
    return node;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The storage requests that `work` makes, by operation. */
  async countOf(work: () => Promise<unknown>): Promise<Partial<Record<StorageOperation, number>>> {
    this.requests.clear();
    await work();
    return Object.fromEntries(this.requests);
  }

  async close(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  flush: () => Promise.resolve(),
};

/** Joins registries as the workers of one server are joined. */
export function inProcessBus(members: number): readonly Invalidations[] {
  const listeners = Array.from({ length: members }, () => [] as ((invalidation: Invalidation) => void)[]);
  return listeners.map((own) => ({
    publish: async (invalidation) => {
      for (const others of listeners)
        if (others !== own) for (const listener of others) listener(invalidation);
    },
    subscribe: (listener) => own.push(listener),
  }));
}

export interface Bench {
  readonly store: TestStore;
  /** A server over the store. */
  readonly node: RegistryNode;
  /** One more server over the same store; closed with the test. */
  readonly another: (options?: NodeOptions) => Promise<RegistryNode>;
}

/** The same tests over a memory store and over a filesystem store, each test with a store of its own. */
export function onEveryStore(
  title: string,
  define: (bench: () => Bench) => void,
  options: NodeOptions = {},
): void {
  for (const name of STORE_NAMES) describe(`${title} [${name}]`, () => onStore(name, define, options));
}

/** Within a suite: a store and a server for each test. */
export function onStore(
  name: StoreName,
  define: (bench: () => Bench) => void,
  options: NodeOptions = {},
): void {
  let current: Bench | undefined;
  let nodes: RegistryNode[] = [];
  beforeEach(async () => {
    const store = await openStore(name);
    const another = async (more: NodeOptions = {}): Promise<RegistryNode> => {
      const node = await RegistryNode.start(store, more);
      nodes.push(node);
      return node;
    };
    current = { store, node: await another(options), another };
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await current?.store.remove();
    nodes = [];
    current = undefined;
  });
  define(() => {
    if (current === undefined) throw new Error('no test is running');
    return current;
  });
}
