import type { Figures } from './measurement.js';
import type { Options } from './options.js';
import { cpuRatio, cpuText, rateRatio, shareOfBare, type Row } from './report.js';
import { MiB } from './scenario.js';

/** One figure that has to be shown (issue "Must show", DESIGN.md §10). */
interface Target {
  readonly scenario: RegExp;
  /** At least so many times the peer, per second. */
  readonly rate?: number;
  /** At least so much of the bare storage's rate. */
  readonly shareOfBare?: number;
  /** At most so many CPU seconds of the storage's processes per operation or GiB. */
  readonly storageCpu?: number;
  /** At least so many times the peer, per CPU second. */
  readonly cpuTimes?: number;
  /** At most so many CPU seconds per operation or GiB. */
  readonly cpu?: number;
  /** Less than so many bytes resident. */
  readonly peak?: number;
}

const filesystemTargets: readonly Target[] = [
  { scenario: /^manifest GET by digest, hot/, rate: 4, cpuTimes: 15, cpu: 60e-6 },
  { scenario: /^blob HEAD/, rate: 4, cpuTimes: 15, cpu: 50e-6 },
  { scenario: /^manifest GET by tag, hot/, cpuTimes: 6 },
  { scenario: /^push 1 MiB/, cpuTimes: 2, cpu: 4e-3 },
  { scenario: /^push (10|100) MiB (monolithic|streamed) ×[14]$/, cpuTimes: 1.3, cpu: 2.7 },
  { scenario: /^pull 1 MiB/, cpuTimes: 2, cpu: 1.5e-3 },
  { scenario: /^pull 10 MiB/, cpuTimes: 1, cpu: 1.0 },
  { scenario: /^pull 100 MiB/, cpu: 1.1 },
  { scenario: /peak RSS/, peak: 250 * MiB },
];

const swiftTargets: readonly Target[] = [
  { scenario: /^push 1 MiB monolithic/, rate: 8, storageCpu: 35e-3 },
  { scenario: /^push image/, rate: 6 },
  { scenario: /^push 10 MiB streamed/, rate: 4, cpu: 4.4 },
  { scenario: /^push 100 MiB streamed ×[14]$/, rate: 1.5, shareOfBare: 0.6, cpu: 4.4 },
  { scenario: /^pull (10|100) MiB ×/, rate: 1.5, cpu: 2, storageCpu: 2 },
  { scenario: /^pull (10|100) MiB redirected/, rate: 0.95 },
  { scenario: /^pull 1 MiB ×/, rate: 1.2 },
  { scenario: /^manifest GET by tag/, rate: 5 },
  { scenario: /^manifest GET by digest/, rate: 20 },
  { scenario: /^mix/, rate: 4 },
  { scenario: /peak RSS/, peak: 230 * MiB },
];

const targetsOf: Readonly<Record<Options['storage'], readonly Target[]>> = {
  filesystem: filesystemTargets,
  swift: swiftTargets,
};

interface Verdict {
  readonly text: string;
  readonly met: boolean;
}

function times(wanted: number, value: number | undefined, of: string): Verdict[] {
  if (value === undefined) return [];
  return [{ text: `${value.toFixed(2)}× ${of} (wanted ≥ ${wanted}×)`, met: value >= wanted }];
}

function verdictsOf(target: Target, row: Row, ours: Figures): Verdict[] {
  const { scenario } = row;
  const verdicts: Verdict[] = [];
  if (target.rate !== undefined) verdicts.push(...times(target.rate, rateRatio(row), 'the rate'));
  const bare = shareOfBare(row);
  if (target.shareOfBare !== undefined && bare !== undefined) {
    const text = `${(bare * 100).toFixed(0)} % of bare requests (wanted ≥ ${target.shareOfBare * 100} %)`;
    verdicts.push({ text, met: bare >= target.shareOfBare });
  }
  if (target.storageCpu !== undefined) {
    const text = `${cpuText(scenario, ours.storageCpu)} of the storage's CPU (budget ${cpuText(scenario, target.storageCpu)})`;
    verdicts.push({ text, met: ours.storageCpu <= target.storageCpu });
  }
  if (target.cpuTimes !== undefined)
    verdicts.push(...times(target.cpuTimes, cpuRatio(row), 'per CPU second'));
  if (target.cpu !== undefined) {
    const text = `${cpuText(scenario, ours.cpu)} (budget ${cpuText(scenario, target.cpu)})`;
    verdicts.push({ text, met: ours.cpu <= target.cpu });
  }
  if (target.peak !== undefined) {
    const text = `${(ours.peak / MiB).toFixed(0)} MiB (wanted < ${target.peak / MiB} MiB)`;
    verdicts.push({ text, met: ours.peak < target.peak });
  }
  return verdicts;
}

/** One line per figure that is wanted and was measured. */
export function targetLines(storage: Options['storage'], rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const { ours, scenario } = row;
    if (!ours) return [];
    return targetsOf[storage]
      .filter((target) => target.scenario.test(scenario.name))
      .flatMap((target) => verdictsOf(target, row, ours))
      .map(({ text, met }) => `${met ? 'met   ' : 'MISSED'} ${scenario.name}: ${text}`);
  });
}
