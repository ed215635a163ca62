import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../measurement.js';
import type { ServerProcess } from '../server-process.js';
import type { BenchStorage } from '../storage/bench-storage.js';
import type { Pulled } from './clients.js';
import type { Contender } from './contender.js';

/** One measurement: of the clients until they have what they want, of everything else until it rests. */
export interface PullSample extends Pulled {
  readonly upstreamBytes: number;
  readonly upstreamRequests: number;
  readonly cpuSeconds: number;
  readonly upstreamCpuSeconds: number;
  /** Of the storage's own processes. */
  readonly storageCpuSeconds: number;
  /** Bytes; see process-tree.ts for several processes. */
  readonly peak: number;
}

const LOOK_EVERY = 300;
const LONGEST_REST = 60_000;
const RESTING_CORES = 0.1;

export interface Surroundings {
  readonly upstream: ServerProcess;
  readonly storage: BenchStorage;
}

/** Resolves when nothing comes from the upstream any more and the server has stored what it took. */
export async function rested({ server, link }: Contender, { storage }: Surroundings): Promise<void> {
  const look = async (): Promise<{ bytes: number; cpu: number }> => ({
    bytes: link.traffic.bytes,
    cpu: (await server.account()).cpuSeconds + (await storageSeconds(storage)),
  });
  const deadline = performance.now() + LONGEST_REST;
  for (let before = await look(); performance.now() < deadline;) {
    await sleep(LOOK_EVERY);
    const after = await look();
    const cores = (after.cpu - before.cpu) / (LOOK_EVERY / 1000);
    if (after.bytes === before.bytes && cores < RESTING_CORES) return;
    before = after;
  }
  throw new Error(`${server.name} does not come to rest within ${LONGEST_REST / 1000} s`);
}

export async function samplePulls(
  contender: Contender,
  surroundings: Surroundings,
  pull: () => Promise<Pulled>,
): Promise<PullSample> {
  const { server, link } = contender;
  const { upstream, storage } = surroundings;
  await server.resetPeak();
  const look = async () => ({
    traffic: link.traffic,
    account: await server.account(),
    upstream: (await upstream.account()).cpuSeconds,
    storage: await storageSeconds(storage),
  });
  const before = await look();
  const pulled = await pull();
  await rested(contender, surroundings);
  const after = await look();
  return {
    ...pulled,
    upstreamBytes: after.traffic.bytes - before.traffic.bytes,
    upstreamRequests: after.traffic.requests - before.traffic.requests,
    cpuSeconds: after.account.cpuSeconds - before.account.cpuSeconds,
    upstreamCpuSeconds: after.upstream - before.upstream,
    storageCpuSeconds: after.storage - before.storage,
    peak: after.account.peak,
  };
}

/** Medians; of the failures the sum. */
export function inTheMiddle(samples: readonly PullSample[]): PullSample {
  const middle = (value: (sample: PullSample) => number): number => median(samples.map(value));
  return {
    seconds: middle(({ seconds }) => seconds),
    failed: samples.reduce((sum, { failed }) => sum + failed, 0),
    errorSamples: [...new Set(samples.flatMap(({ errorSamples }) => errorSamples))],
    upstreamBytes: middle(({ upstreamBytes }) => upstreamBytes),
    upstreamRequests: middle(({ upstreamRequests }) => upstreamRequests),
    cpuSeconds: middle(({ cpuSeconds }) => cpuSeconds),
    upstreamCpuSeconds: middle(({ upstreamCpuSeconds }) => upstreamCpuSeconds),
    storageCpuSeconds: middle(({ storageCpuSeconds }) => storageCpuSeconds),
    peak: middle(({ peak }) => peak),
  };
}

async function storageSeconds(storage: BenchStorage): Promise<number> {
  return Object.values(await storage.cpuSeconds()).reduce((sum, seconds) => sum + seconds, 0);
}
