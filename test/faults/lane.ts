import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/composition/system.js';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { Clock } from '../../src/ports/clock.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy/fault-proxy.js';
import { RegistryNode, type TestStore } from '../support/in-process.js';
import type { SwiftBed } from '../support/swift-bed.js';
import { swiftStore } from '../support/swift-store.js';
import { Ledger } from './ledger.js';
import { NotNow, PatientClient } from './patient-client.js';
import { StoreContents } from './store-contents.js';

const MIB = 1024 * 1024;
const QUIET_MS = 40;
const MOST_QUIET_MS = 3000;
/** For what is no part of a test. */
const UNHURRIED = { connect: 10_000, request: 60_000, retry: 120_000 };

/** What a driver does on its own account would be counted among the requests of an operation. */
const noTimers: Clock = { now: () => systemClock.now(), every: () => () => undefined };

export interface LaneOptions {
  /** Milliseconds. */
  readonly times: { readonly connect: number; readonly request: number; readonly retry: number };
}

/** Three servers over a store of their own: two that reach Swift by a proxy with faults, and one that does directly. */
export class Lane {
  readonly ledger = new Ledger();
  readonly contents: StoreContents;
  private last = 0;

  private constructor(
    readonly proxy: FaultProxy,
    readonly bed: SwiftBed,
    /** As the servers under test reach it. */
    readonly account: OpenStackAccount,
    private readonly nodes: readonly RegistryNode[],
    private readonly stores: readonly TestStore[],
    /** Segments of 2 MiB, which the driver holds. */
    readonly small: PatientClient,
    /** Segments of 5 MiB, which it streams. */
    readonly large: PatientClient,
    /** Remembers nothing. */
    readonly witness: PatientClient,
    readonly prefix: string,
    readonly times: LaneOptions['times'],
  ) {
    this.contents = new StoreContents(bed, prefix);
  }

  static async open(bed: SwiftBed, { times }: LaneOptions): Promise<Lane> {
    const proxy = await startFaultProxy({ target: new URL(bed.v1.authUrl) });
    const account = {
      ...bed.v1,
      authUrl: bed.v1.authUrl.replace(new URL(bed.v1.authUrl).origin, proxy.origin),
    };
    const prefix = `lane-${randomBytes(8).toString('hex')}`;
    const forget = { cacheMaxAge: 0, manifestCacheBytes: 0 };
    const stores = [
      swiftStore(account, { prefix, times, clock: noTimers, segmentBytes: 2 * MIB }),
      swiftStore(account, { prefix, times, clock: noTimers, segmentBytes: 5 * MIB }),
      swiftStore(bed.v1, {
        prefix,
        times: UNHURRIED,
        segmentBytes: 5 * MIB,
      }),
    ] as const;
    const [small, large, witness] = await Promise.all([
      RegistryNode.start(stores[0]),
      RegistryNode.start(stores[1]),
      RegistryNode.start(stores[2], forget),
    ]);
    const clients = [small, large, witness].map((node) => new PatientClient(node)) as [
      PatientClient,
      PatientClient,
      PatientClient,
    ];
    // What a server asks but once is an operation of its own.
    for (const client of [...clients].reverse()) await warmUp(client);
    return new Lane(proxy, bed, account, [small, large, witness], stores, ...clients, prefix, times);
  }

  /** A repository that no other operation uses. */
  repository(): string {
    this.last += 1;
    return `r${this.last}`;
  }

  /** A further store over the same objects, or over others. */
  store(prefix = this.prefix): TestStore {
    return swiftStore(this.account, { prefix, times: this.times, clock: noTimers, segmentBytes: 2 * MIB });
  }

  /** The same objects, or others, past the proxy. */
  directStore(prefix = this.prefix): TestStore {
    return swiftStore(this.bed.v1, { prefix, times: UNHURRIED, segmentBytes: 2 * MIB });
  }

  /** Waits for what goes on after an answer, such as examinations of blobs. */
  async quiet(): Promise<void> {
    const end = performance.now() + MOST_QUIET_MS;
    for (let seen = -1; seen !== this.proxy.requests.length && performance.now() < end;) {
      seen = this.proxy.requests.length;
      await delay(QUIET_MS);
      const isPending = this.proxy.requests.some(
        (each) => each.status === undefined && each.injected === undefined,
      );
      if (isPending) seen = -1;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await Promise.all(this.stores.map((store) => store.remove()));
    await this.proxy.stop();
  }
}

export function fresh(bytes: number): Buffer {
  return randomBytes(bytes);
}

async function warmUp(client: PatientClient): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.ask('POST', '/v2/warm/blobs/uploads/', 202);
      return;
    } catch (error) {
      if (!(error instanceof NotNow) || attempt === 10) throw error;
      await delay(1000);
    }
  }
}
