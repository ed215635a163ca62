import type { Options } from '../options.js';
import { cells, digits } from '../report.js';
import { MiB } from '../scenario.js';
import type { ContenderName } from './contender.js';
import type { PullSample } from './pull-sample.js';

/** What one case gave, by medians. */
export interface PullRow {
  readonly name: string;
  readonly pulls: number;
  readonly cached: boolean;
  readonly ours: PullSample | undefined;
  readonly oursBy: ContenderName;
  readonly peer: PullSample | undefined;
}

type Column = readonly [title: string, cell: (row: PullRow) => string];
type Side = 'ours' | 'peer';

/** How often ours does with what the peer needs once; above 1 is better. */
function times(row: PullRow, value: (sample: PullSample) => number): number | undefined {
  return row.ours && row.peer && value(row.peer) / value(row.ours);
}

const ratio = (value: number | undefined): string => (value === undefined ? '–' : `${digits(value)}×`);

function of(side: Side, text: (sample: PullSample, row: PullRow) => string): Column[1] {
  return (row) => {
    const sample = row[side];
    return sample === undefined ? '–' : text(sample, row);
  };
}

const seconds = ({ seconds }: PullSample): string => `${digits(seconds)} s`;
const traffic = ({ upstreamBytes, upstreamRequests }: PullSample): string =>
  `${digits(upstreamBytes / MiB)} MiB / ${upstreamRequests}`;
const each = (value: (sample: PullSample) => number): ((sample: PullSample, row: PullRow) => string) => {
  return (sample, { pulls }) => `${digits((value(sample) / pulls) * 1000)} ms`;
};
const memory = ({ peak }: PullSample): string => `${(peak / MiB).toFixed(0)} MiB`;
const both = (text: (sample: PullSample, row: PullRow) => string): Column[1] => {
  return (row) => `${of('ours', text)(row)} / ${of('peer', text)(row)}`;
};

const cpu = (sample: PullSample): number => sample.cpuSeconds;
const storageCpu = (sample: PullSample): number => sample.storageCpuSeconds;
const upstreamCpu = (sample: PullSample): number => sample.upstreamCpuSeconds;
const wholeCpu = (sample: PullSample): number => cpu(sample) + storageCpu(sample) + upstreamCpu(sample);

const swiftColumns: readonly Column[] = [
  ['Swift CPU ours / peer', both(each(storageCpu))],
  ['Swift CPU ×', (row) => ratio(times(row, storageCpu))],
];

function columnsOf(storage: Options['storage']): readonly Column[] {
  return [
    ['case', ({ name, oursBy }) => (oursBy === 'ours' ? name : `${name} (${oursBy})`)],
    ['ours', of('ours', seconds)],
    ['peer', of('peer', seconds)],
    ['time ×', (row) => ratio(times(row, (sample) => sample.seconds))],
    ['ours upstream bytes / requests', of('ours', traffic)],
    ['peer upstream bytes / requests', of('peer', traffic)],
    ['upstream bytes ×', (row) => ratio(bytesRatio(row))],
    ['CPU per pull ours / peer', both(each(cpu))],
    ['CPU ×', (row) => ratio(times(row, cpu))],
    ...(storage === 'swift' ? swiftColumns : []),
    ['upstream CPU ours / peer', both(each(upstreamCpu))],
    ['all CPU ×', (row) => ratio(times(row, wholeCpu))],
    ['RSS ours / peer', both(memory)],
    ['failed ours / peer', both(({ failed }) => String(failed))],
  ];
}

/** Of cached pulls there is nothing to compare: neither takes anything but word of a tag. */
function bytesRatio(row: PullRow): number | undefined {
  return row.cached ? undefined : times(row, (sample) => sample.upstreamBytes);
}

/** The results as Markdown. */
export function pullTable(storage: Options['storage'], rows: readonly PullRow[]): string {
  const columns = columnsOf(storage);
  return [
    cells(columns.map(([title]) => title)),
    cells(columns.map(() => '---')),
    ...rows.map((row) => cells(columns.map(([, cell]) => cell(row)))),
  ].join('\n');
}

const LEAST_TIME = 1;
const LEAST_BYTES = 3;

/** One line per figure that issue "The registry mirror" wants. */
export function pullTargetLines(rows: readonly PullRow[]): string[] {
  const line = (what: string, value: number | undefined, wanted: number): string[] =>
    value === undefined
      ? []
      : [
          `${value >= wanted ? 'met   ' : 'MISSED'} ${what} (wanted ≥ ${wanted}×)`.replace(
            '#',
            digits(value),
          ),
        ];
  return rows.flatMap((row) =>
    row.pulls === 1
      ? line(
          `${row.name}: #× as fast`,
          times(row, (sample) => sample.seconds),
          LEAST_TIME,
        )
      : line(`${row.name} (${row.oursBy}): #× fewer upstream bytes`, bytesRatio(row), LEAST_BYTES),
  );
}
