import { mkdtemp, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Comparison, messageOf } from './comparison.js';
import { parseOptions, usage, type Options } from './options.js';
import { conditionsText, headerText, marksLegend, rowText, type Row } from './report.js';
import { GiB, type Scenario } from './scenario.js';
import { listScenarios } from './scenarios/lists.js';
import { manifestScenarios } from './scenarios/manifests.js';
import { pullScenarios } from './scenarios/pulls.js';
import { pushScenarios } from './scenarios/pushes.js';
import { targetLines } from './targets.js';

const neededDisk = 12 * GiB;

function scenariosFor(options: Options): Scenario[] {
  // first whatever restarts nothing and needs little data; the stores grow as the bench goes on
  const all = [
    ...manifestScenarios(),
    ...listScenarios(),
    ...pullScenarios(),
    ...pushScenarios(options.quick),
  ];
  return all.filter(({ name }) => options.only.test(name));
}

async function checkDisk(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < neededDisk) throw new Error(`${directory} has less than ${neededDisk / GiB} GiB free`);
}

function problemsOf(row: Row): string[] {
  const wrong = [row.ours, row.peer].flatMap((figures) => (figures?.errors ? figures.errorSamples : []));
  return [...row.failures, ...wrong].map((text) => `${row.scenario.name}: ${text}`);
}

interface Results {
  readonly rows: readonly Row[];
  readonly complete: boolean;
}

async function runAll(
  comparison: Comparison,
  scenarios: readonly Scenario[],
  options: Options,
): Promise<Results> {
  const deadline = performance.now() + options.minutes * 60_000;
  const rows: Row[] = [];
  await comparison.start();
  console.log(`${conditionsText(options, comparison.descriptions)}\n\n${headerText()}`);
  for (const scenario of scenarios) {
    if (performance.now() > deadline) {
      console.error(`! stopped after ${options.minutes} minutes, before: ${scenario.name}`);
      return { rows, complete: false };
    }
    const row = await comparison.run(scenario);
    rows.push(row);
    console.log(rowText(row));
    for (const problem of problemsOf(row)) console.error(`! ${problem}`);
  }
  return { rows, complete: true };
}

/** Exit status: 0 when everything was measured and every answer was right; a missed target is printed, not failed. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const options = parseOptions(args);
  const scenarios = scenariosFor(options);
  if (options.list) {
    for (const { name } of scenarios) console.log(name);
    return 0;
  }
  if (scenarios.length === 0)
    throw new Error('no scenario has such a name (--list shows them, --help the options)');
  const directory = await mkdtemp(join(tmpdir(), 'stackyard-bench-'));
  const comparison = new Comparison(options, directory);
  const interrupted = (): void => comparison.interrupt();
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  try {
    await checkDisk(directory);
    const { rows, complete } = await runAll(comparison, scenarios, options);
    const lines = options.selfTest ? [] : targetLines(rows);
    console.log(`\n${marksLegend}\n${lines.length > 0 ? `\nMust show:\n${lines.join('\n')}` : ''}`);
    if (options.json !== undefined) {
      await writeFile(options.json, JSON.stringify({ options, samples: comparison.allSamples }, null, 2));
    }
    return complete && rows.every((row) => problemsOf(row).length === 0) ? 0 : 1;
  } finally {
    await comparison.close();
  }
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(`bench: ${messageOf(error)}`);
    process.exitCode = 1;
  },
);
