import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from './comparison.js';
import { keepLogs } from './mirror/kept-logs.js';
import { MirrorComparison } from './mirror/mirror-comparison.js';
import { pullCases } from './mirror/pull-case.js';
import { pullTable, pullTargetLines, type PullRow } from './mirror/pull-report.js';
import { parseOptions, usage, type Options } from './options.js';
import { conditionsText, marksLegend, Table, type Row } from './report.js';
import { openStorage } from './storage/index.js';
import { targetLines } from './targets.js';

/**
 * The mirror beside docker-registry's `proxy` mode, on one upstream: first pulls, cached ones, and a crowd that wants
 * one image. Options as those of bench.js.
 */
async function compare(options: Options, comparison: MirrorComparison, storage: string): Promise<void> {
  const { only } = options;
  await comparison.start();
  console.log(conditionsText(options, descriptionsOf(options, storage)));
  const pulled: PullRow[] = [];
  for (const one of pullCases(options.quick).filter(({ name }) => only.test(name)))
    pulled.push(...(await comparison.runPulls(one)));
  if (pulled.length > 0) console.log(`\n${pullTable(options.storage, pulled)}`);
  const rows: Row[] = [];
  const table = new Table(options.storage);
  for (const scenario of comparison.cached.filter(({ name }) => only.test(name))) {
    if (rows.length === 0) console.log(`\n${table.header()}`);
    const row = await comparison.runCached(scenario);
    rows.push(row);
    console.log(table.row(row));
  }
  const lines = [...pullTargetLines(pulled), ...targetLines(options.storage, rows.map(asOfTheCore))];
  console.log(`\n${marksLegend}\n\nMust show:\n${lines.join('\n')}`);
}

/** The targets go by the names that the core's bench gives. */
function asOfTheCore({ scenario, ...row }: Row): Row {
  return { ...row, scenario: { ...scenario, name: scenario.name.replace('cached: ', '') } };
}

function descriptionsOf({ workers, oursOnly }: Options, storage: string): readonly string[] {
  const peer = `docker-registry 2.8.2 (Debian) with a proxy section, ${storage}, in-memory descriptor cache, all cores`;
  return [
    `ours: Stackyard, ${storage}, ${workers} worker(s), asked by its root mirror`,
    ...(oursOnly ? [] : [`peer: ${peer}`]),
    'upstream: docker-registry 2.8.2 on the filesystem, behind a proxy that counts, one for each mirror',
  ];
}

/** Exit status: 0 when every answer of ours was right; a missed target is printed, and what the peer fails at. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(usage.replace('npm run bench --', 'node dist/test/bench/mirror.js'));
    return 0;
  }
  const options = parseOptions(args);
  if (options.selfTest || options.list) throw new Error('--self-test and --list are of bench.js only');
  const directory = await mkdtemp(join(tmpdir(), 'stackyard-bench-mirror-'));
  try {
    const storage = await openStorage(options, directory);
    try {
      const comparison = new MirrorComparison(options, directory, storage);
      process.once('SIGINT', () => comparison.interrupt()).once('SIGTERM', () => comparison.interrupt());
      try {
        await compare(options, comparison, storage.title);
        const { problems } = comparison;
        for (const problem of new Set([...problems.values()].flat())) console.error(`! ${problem}`);
        if (problems.size > 0) console.error(`! their logs: ${await keepLogs(directory, problems.keys())}`);
        if (options.json !== undefined)
          await writeFile(options.json, JSON.stringify({ options, samples: comparison.samples }, null, 2));
        return [...problems.keys()].every((name) => name === 'peer') ? 0 : 1;
      } finally {
        await comparison.close();
      }
    } finally {
      await storage.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(`bench: ${messageOf(error)}`);
    process.exitCode = 1;
  },
);
