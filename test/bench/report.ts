import { cpus, loadavg } from 'node:os';
import type { Figures } from './measurement.js';
import type { Options } from './options.js';
import { MiB, type Scenario } from './scenario.js';

/** What one scenario gave; a server that was not measured, or failed, has no figures. */
export interface Row {
  readonly scenario: Scenario;
  readonly ours: Figures | undefined;
  readonly peer: Figures | undefined;
  readonly ceiling: Figures | undefined;
  readonly failures: readonly string[];
}

const header = [
  ['scenario', 'ours', 'peer', 'rate ×', 'ours p50/p99 ms', 'peer p50/p99 ms'],
  ['ours CPU', 'peer CPU', 'CPU ×', 'ours RSS', 'peer RSS', 'errors', 'ceiling', 'marks'],
].flat();

/** Three significant digits without an exponent. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function rate(scenario: Scenario, figures: Figures | undefined): string {
  if (!figures) return '–';
  return scenario.unit === 'GiB' ? `${digits(figures.rate / MiB)} MiB/s` : `${digits(figures.rate)}/s`;
}

export function cpuText(scenario: Scenario, cpu: number): string {
  if (scenario.unit === 'GiB') return `${digits(cpu)} s/GiB`;
  return cpu < 1e-3 ? `${digits(cpu * 1e6)} µs` : `${digits(cpu * 1e3)} ms`;
}

function latency(figures: Figures | undefined): string {
  return figures ? `${digits(figures.p50)} / ${digits(figures.p99)}` : '–';
}

function memory(figures: Figures | undefined): string {
  return figures ? `${(figures.peak / MiB).toFixed(0)} MiB` : '–';
}

/** How often ours does what the peer does once. */
export function rateRatio({ ours, peer }: Row): number | undefined {
  return ours && peer ? ours.rate / peer.rate : undefined;
}

/** How often ours does, in one CPU second, what the peer does once. */
export function cpuRatio({ ours, peer }: Row): number | undefined {
  return ours && peer ? peer.cpu / ours.cpu : undefined;
}

const generatorIsBusy = 0.85;
const nearCeiling = 0.8;
const foreignIsMuch = 0.25;
const spreadIsWide = 0.2;
const cpuIsCoarse = 0.3;

/** Reasons to read a figure with care; `marksLegend` explains them. */
function marksOf({ ours, peer, ceiling }: Row): string {
  const marks: string[] = [];
  for (const [name, figures] of [['ours', ours] as const, ['peer', peer] as const]) {
    if (!figures) continue;
    const limited =
      figures.generatorCore > generatorIsBusy || (ceiling && figures.rate > ceiling.rate * nearCeiling);
    if (limited) marks.push(`g:${name}`);
    if (figures.foreignCores > foreignIsMuch) marks.push(`n:${name} ${figures.foreignCores.toFixed(1)}`);
    if (figures.cpuSpread > spreadIsWide) marks.push(`s:${name} ${(figures.cpuSpread * 100).toFixed(0)} %`);
    if (figures.cpuSeconds < cpuIsCoarse) marks.push(`c:${name}`);
  }
  return marks.join(', ');
}

export const marksLegend = `Marks. g: the generator set the pace (over 85 % of its one core, or over 80 % of its ceiling): the rate is
a lower bound, CPU per operation still holds. n: other work kept that many cores busy. s: the runs' CPU lie that
far apart. c: under 0.3 s of CPU in a run, where the 10 ms clock shows. CPU × and rate ×: how often ours does it
where the peer does it once (above 1 is better).`;

export function rowText(row: Row): string {
  const { scenario, ours, peer, ceiling } = row;
  const ratio = (value: number | undefined): string => (value === undefined ? '–' : `${digits(value)}×`);
  const cpu = (figures: Figures | undefined): string => (figures ? cpuText(scenario, figures.cpu) : '–');
  const errors = (figures: Figures | undefined): string => (figures ? String(figures.errors) : '–');
  return cells([
    [
      scenario.name,
      rate(scenario, ours),
      rate(scenario, peer),
      ratio(rateRatio(row)),
      latency(ours),
      latency(peer),
    ],
    [cpu(ours), cpu(peer), ratio(cpuRatio(row)), memory(ours), memory(peer)],
    [`${errors(ours)} / ${errors(peer)}`, rate(scenario, ceiling), marksOf(row)],
  ]);
}

function cells(parts: readonly (readonly string[])[]): string {
  return `| ${parts.flat().join(' | ')} |`;
}

export function headerText(): string {
  return `${cells([header])}\n${cells([header.map(() => '---')])}`;
}

/** The conditions, without which the figures mean nothing. */
export function conditionsText(options: Options, descriptions: readonly string[]): string {
  const cores = cpus();
  return [
    `${cores.length} cores (${cores[0]?.model ?? 'unknown'}), Node ${process.version}, load ${digits(loadavg()[0] ?? 0)} at the start`,
    ...descriptions,
    `no authentication on either side; ${options.runs} interleaved runs of about ${options.seconds} s, medians;` +
      ` ${options.connections} connections for small requests; generator and server share the cores`,
  ].join('\n');
}
