import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from './generator/jobs.js';
import { machineBusySeconds } from './process-tree.js';
import { GiB, type Scenario, type Stage } from './scenario.js';
import type { ServiceSeconds } from './storage/bench-storage.js';

/** One measurement of one scenario on one server. */
export interface Sample extends Load {
  readonly cpuSeconds: number;
  /** Of the storage's own processes. */
  readonly storageCpuSeconds: ServiceSeconds;
  /** Bytes; see process-tree.ts for several processes. */
  readonly peak: number;
  readonly processes: number;
  /** Cores kept busy by neither the server, its storage nor the generator: other people's work, and the kernel's own. */
  readonly foreignCores: number;
}

/** Medians over the runs. Rates per second, latencies in milliseconds. */
export interface Figures {
  readonly runs: number;
  /** Operations, or bytes for scenarios counted in GiB. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds of the server per operation, or per GiB. */
  readonly cpu: number;
  /** The same of the storage's own processes. */
  readonly storageCpu: number;
  /** How far the runs' CPU lie apart, as a share of the median. */
  readonly cpuSpread: number;
  /** CPU seconds in one run: below half a second the 10 ms clock shows. */
  readonly cpuSeconds: number;
  readonly peak: number;
  readonly errors: number;
  readonly errorSamples: readonly string[];
  /** Share of one core the generator used; it has one thread. */
  readonly generatorCore: number;
  readonly foreignCores: number;
}

const settle = 50; // what the server still does after the last answer belongs to the load

/** Throws when the server died or could not be made ready; wrong answers are counted in the sample. */
export async function measure(
  scenario: Scenario,
  stage: Stage,
  storageSeconds: () => Promise<ServiceSeconds>,
): Promise<Sample> {
  const { subject } = stage;
  const ready = await scenario.ready(stage);
  try {
    await subject.resetPeak();
    const before = await subject.account();
    const storageBefore = await storageSeconds();
    const busyBefore = await machineBusySeconds();
    const began = performance.now();
    const load = await ready.run();
    await sleep(settle);
    const after = await subject.account();
    const storageCpuSeconds = difference(await storageSeconds(), storageBefore);
    const elapsed = (performance.now() - began) / 1000;
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    const busy = (await machineBusySeconds()) - busyBefore;
    const known = cpuSeconds + sum(storageCpuSeconds) + load.generatorCpuSeconds;
    const foreignCores = Math.max(0, busy - known) / elapsed;
    const { peak, processes } = after;
    return { ...load, cpuSeconds, storageCpuSeconds, peak, processes, foreignCores };
  } finally {
    await ready.clean?.();
  }
}

function difference(after: ServiceSeconds, before: ServiceSeconds): ServiceSeconds {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

function sum(seconds: ServiceSeconds): number {
  return Object.values(seconds).reduce((total, value) => total + value, 0);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Work done, in the unit the scenario counts CPU by. */
function workOf(scenario: Scenario, sample: Sample): number {
  return scenario.unit === 'GiB' ? sample.bytes / GiB : sample.operations;
}

export function figuresOf(scenario: Scenario, samples: readonly Sample[]): Figures {
  const middle = (value: (sample: Sample) => number): number => median(samples.map(value));
  const cpus = samples.map((sample) => sample.cpuSeconds / workOf(scenario, sample));
  const cpu = median(cpus);
  return {
    runs: samples.length,
    rate: middle((sample) => (scenario.unit === 'GiB' ? sample.bytes : sample.operations) / sample.seconds),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    cpu,
    storageCpu: middle((sample) => sum(sample.storageCpuSeconds) / workOf(scenario, sample)),
    cpuSpread: (Math.max(...cpus) - Math.min(...cpus)) / cpu,
    cpuSeconds: middle(({ cpuSeconds }) => cpuSeconds),
    peak: middle(({ peak }) => peak),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
    errorSamples: [...new Set(samples.flatMap(({ errorSamples }) => errorSamples))],
    generatorCore: middle(({ generatorCpuSeconds, seconds }) => generatorCpuSeconds / seconds),
    foreignCores: middle(({ foreignCores }) => foreignCores),
  };
}
