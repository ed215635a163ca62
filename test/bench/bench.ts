import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Comparison, messageOf } from './comparison.js';
import { parseOptions, usage, type Options } from './options.js';
import { conditionsText, marksLegend, Table, type Row } from './report.js';
import type { Scenario } from './scenario.js';
import { listScenarios } from './scenarios/lists.js';
import { manifestScenarios } from './scenarios/manifests.js';
import { pullScenarios } from './scenarios/pulls.js';
import { pushScenarios } from './scenarios/pushes.js';
import { swiftScenarios } from './scenarios/swift.js';
import { openStorage } from './storage/index.js';
import { targetLines } from './targets.js';

function scenariosFor({ storage, quick, only }: Options): Scenario[] {
  // first whatever restarts nothing and needs little data; the stores grow as the bench goes on
  const all =
    storage === 'swift'
      ? swiftScenarios(quick)
      : [...manifestScenarios(), ...listScenarios(), ...pullScenarios(), ...pushScenarios(quick)];
  return all.filter(({ name }) => only.test(name));
}

function problemsOf(row: Row): string[] {
  const wrong = [row.ours, row.peer, row.bare].flatMap((figures) =>
    figures?.errors ? figures.errorSamples : [],
  );
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
  const table = new Table(options.storage);
  await comparison.start();
  console.log(`${conditionsText(options, comparison.descriptions)}\n\n${table.header()}`);
  for (const scenario of scenarios) {
    if (performance.now() > deadline) {
      console.error(`! stopped after ${options.minutes} minutes, before: ${scenario.name}`);
      return { rows, complete: false };
    }
    const row = await comparison.run(scenario);
    rows.push(row);
    console.log(table.row(row));
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
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(new Error('interrupted'));
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const directory = await mkdtemp(join(tmpdir(), 'stackyard-bench-'));
  try {
    const storage = await openStorage(options, directory);
    try {
      stopped.signal.throwIfAborted();
      const comparison = new Comparison(options, directory, storage);
      stopped.signal.addEventListener('abort', () => comparison.interrupt());
      return await compare(comparison, scenarios, options);
    } finally {
      await storage.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Returns the exit status. */
async function compare(
  comparison: Comparison,
  scenarios: readonly Scenario[],
  options: Options,
): Promise<number> {
  try {
    const { rows, complete } = await runAll(comparison, scenarios, options);
    const lines = options.selfTest ? [] : targetLines(options.storage, rows);
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
