import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy/fault-proxy.js';
import { RegistryNode, type TestStore } from '../support/in-process.js';
import type { SwiftBed } from '../support/swift-bed.js';
import { swiftStore } from '../support/swift-store.js';
import { Ledger } from './ledger.js';
import { NotNow, PatientClient } from './patient-client.js';
import { StoreContents } from './store-contents.js';

const MIB = 1024 * 1024;
const QUIET_MS = 40;

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
    const account = { ...bed.v1, authUrl: bed.v1.authUrl.replace(new URL(bed.v1.authUrl).origin, proxy.origin) };
    const prefix = `lane-${randomBytes(8).toString('hex')}`;
    const forget = { cacheMaxAge: 0, manifestCacheBytes: 0 };
    const stores = [
      swiftStore(account, { prefix, times, segmentBytes: 2 * MIB }),
      swiftStore(account, { prefix, times, segmentBytes: 5 * MIB }),
      swiftStore(bed.v1, { prefix, times: { connect: 10_000, request: 60_000, retry: 60_000 }, segmentBytes: 5 * MIB }),
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
    return swiftStore(this.account, { prefix, times: this.times, segmentBytes: 2 * MIB });
  }

  /** Waits for what goes on after an answer, such as examinations of blobs. */
  async quiet(): Promise<void> {
    for (let seen = -1; seen !== this.proxy.requests.length;) {
      seen = this.proxy.requests.length;
      await delay(QUIET_MS);
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
