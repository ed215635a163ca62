import { cpus, loadavg } from 'node:os';
import type { Figures } from './measurement.js';
import type { Options } from './options.js';
import { MiB, type Scenario } from './scenario.js';

/** What one scenario gave; a server that was not measured, or failed, has no figures. */
export interface Row {
  readonly scenario: Scenario;
  readonly ours: Figures | undefined;
  readonly peer: Figures | undefined;
  /** The storage itself, asked for the same bytes. */
  readonly bare: Figures | undefined;
  readonly ceiling: Figures | undefined;
  readonly failures: readonly string[];
}

/** Three significant digits without an exponent. */
export function digits(value: number): string {
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

/** The share of the bare storage's rate that ours reaches. */
export function shareOfBare({ ours, bare }: Row): number | undefined {
  return ours && bare ? ours.rate / bare.rate : undefined;
}

/** How often the storage's processes do, in one CPU second, for ours what they do once for the peer. */
function storageRatio({ ours, peer }: Row): number | undefined {
  return ours && peer ? peer.storageCpu / ours.storageCpu : undefined;
}

/** The same of server and storage together: what the rates come to on a machine that has nothing else to do. */
function wholeRatio({ ours, peer }: Row): number | undefined {
  return ours && peer ? (peer.cpu + peer.storageCpu) / (ours.cpu + ours.storageCpu) : undefined;
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

type Column = readonly [title: string, cell: (row: Row) => string];

const ratio = (value: number | undefined): string => (value === undefined ? '–' : `${digits(value)}×`);
const share = (value: number | undefined): string =>
  value === undefined ? '–' : `${(value * 100).toFixed(0)} %`;
const cpu = (scenario: Scenario, seconds: number | undefined): string =>
  seconds === undefined ? '–' : cpuText(scenario, seconds);
const errors = (figures: Figures | undefined): string => (figures ? String(figures.errors) : '–');

const scenarioColumn: Column = ['scenario', ({ scenario }) => scenario.name];
const rateColumns: readonly Column[] = [
  ['ours', ({ scenario, ours }) => rate(scenario, ours)],
  ['peer', ({ scenario, peer }) => rate(scenario, peer)],
];
const latencyColumns: readonly Column[] = [
  ['ours p50/p99 ms', ({ ours }) => latency(ours)],
  ['peer p50/p99 ms', ({ peer }) => latency(peer)],
];
const cpuColumns: readonly Column[] = [
  ['ours CPU', ({ scenario, ours }) => cpu(scenario, ours?.cpu)],
  ['peer CPU', ({ scenario, peer }) => cpu(scenario, peer?.cpu)],
  ['CPU ×', (row) => ratio(cpuRatio(row))],
];
const storageColumns: readonly Column[] = [
  ['ours Swift CPU', ({ scenario, ours }) => cpu(scenario, ours?.storageCpu)],
  ['peer Swift CPU', ({ scenario, peer }) => cpu(scenario, peer?.storageCpu)],
  ['bare Swift CPU', ({ scenario, bare }) => cpu(scenario, bare?.storageCpu)],
  ['Swift CPU ×', (row) => ratio(storageRatio(row))],
  ['all CPU ×', (row) => ratio(wholeRatio(row))],
];
const memoryColumns: readonly Column[] = [
  ['ours RSS', ({ ours }) => memory(ours)],
  ['peer RSS', ({ peer }) => memory(peer)],
  ['errors', ({ ours, peer }) => `${errors(ours)} / ${errors(peer)}`],
];
const marksColumn: Column = ['marks', marksOf];

const columnsOf: Readonly<Record<Options['storage'], readonly Column[]>> = {
  filesystem: [
    scenarioColumn,
    ...rateColumns,
    ['rate ×', (row) => ratio(rateRatio(row))],
    ...latencyColumns,
    ...cpuColumns,
    ...memoryColumns,
    ['ceiling', ({ scenario, ceiling }) => rate(scenario, ceiling)],
    marksColumn,
  ],
  swift: [
    scenarioColumn,
    ...rateColumns,
    ['bare', ({ scenario, bare }) => rate(scenario, bare)],
    ['rate ×', (row) => ratio(rateRatio(row))],
    ['of bare', (row) => share(shareOfBare(row))],
    ...latencyColumns,
    ...cpuColumns,
    ...storageColumns,
    ...memoryColumns,
    marksColumn,
  ],
};

/** The results as Markdown, a row at a time. */
export class Table {
  private readonly columns: readonly Column[];

  constructor(storage: Options['storage']) {
    this.columns = columnsOf[storage];
  }

  header(): string {
    return `${cells(this.columns.map(([title]) => title))}\n${cells(this.columns.map(() => '---'))}`;
  }

  row(row: Row): string {
    return cells(this.columns.map(([, cell]) => cell(row)));
  }
}

/** A row of Markdown. */
export function cells(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
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
