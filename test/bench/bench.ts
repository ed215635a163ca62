import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fixtures } from './fixtures.js';
import { LoadGenerator } from './generator/load-generator.js';
import { launchCeiling, launchOurs, launchPeer } from './launches.js';
import { figuresOf, measure, type Figures, type Sample } from './measurement.js';
import { parseOptions, usage, type Options } from './options.js';
import { conditionsText, headerText, marksLegend, rowText, type Row } from './report.js';
import { GiB, type Scenario, type Stage } from './scenario.js';
import { listScenarios } from './scenarios/lists.js';
import { manifestScenarios } from './scenarios/manifests.js';
import { pullScenarios } from './scenarios/pulls.js';
import { pushScenarios } from './scenarios/pushes.js';
import { Subject } from './subject.js';
import { targetLines } from './targets.js';

const neededDisk = 12 * GiB;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Everything one invocation starts; `close` ends it and removes its files. */
class Bench {
  private readonly samples = new Map<string, Sample[]>();
  private readonly generator: LoadGenerator;
  private readonly fixtures: Fixtures;
  private readonly ceiling: Subject;
  private readonly subjects: readonly Subject[];

  constructor(
    private readonly options: Options,
    private readonly directory: string,
  ) {
    this.generator = new LoadGenerator(directory);
    this.fixtures = new Fixtures(this.generator, options.quick);
    const peerText =
      'docker-registry 2.8.2 (Debian), filesystem, in-memory descriptor cache, logs to a file, all cores';
    const ours = options.selfTest
      ? new Subject(
          'ours',
          `ours: NOT ours but a second peer (--self-test)`,
          join(directory, 'ours'),
          launchPeer,
        )
      : new Subject(
          'ours',
          `ours: Stackyard, filesystem, ${options.workers} worker(s), logs to a file`,
          join(directory, 'ours'),
          launchOurs(options.workers, options.profile),
        );
    const peer = new Subject('peer', `peer: ${peerText}`, join(directory, 'peer'), launchPeer);
    this.subjects = options.oursOnly ? [ours] : [ours, peer];
    this.ceiling = new Subject(
      'ceiling',
      'ceiling: fixed answers',
      join(directory, 'ceiling'),
      launchCeiling,
    );
  }

  get descriptions(): readonly string[] {
    return this.subjects.map(({ description }) => description);
  }

  async start(): Promise<void> {
    for (const subject of [...this.subjects, this.ceiling]) await subject.start();
  }

  /** ours, peer, ours, peer, … and the ceiling once. A server that fails is out of this scenario only. */
  async run(scenario: Scenario): Promise<Row> {
    const failures: string[] = [];
    const failed = new Set<Subject>();
    for (let run = 0; run < this.options.runs; run++) {
      for (const subject of this.subjects.filter((candidate) => !failed.has(candidate))) {
        try {
          this.keep(scenario, subject, await measure(scenario, this.stage(subject, run === 0)));
        } catch (error) {
          failed.add(subject);
          failures.push(`${subject.name}: ${messageOf(error)}`);
          await subject.restart();
        }
      }
    }
    const ceiling = await this.measureCeiling(scenario);
    const [ours, peer] = this.subjects;
    return {
      scenario,
      ours: this.figures(scenario, ours),
      peer: this.figures(scenario, peer),
      ceiling,
      failures,
    };
  }

  get allSamples(): Record<string, readonly Sample[]> {
    return Object.fromEntries(this.samples);
  }

  async close(): Promise<void> {
    this.generator.close();
    await Promise.all([...this.subjects, this.ceiling].map((subject) => subject.stop()));
    await rm(this.directory, { recursive: true, force: true });
  }

  private stage(subject: Subject, first: boolean): Stage {
    const { generator, fixtures, options, directory } = this;
    return {
      subject,
      generator,
      fixtures,
      options,
      scratch: directory,
      first,
      ceiling: subject === this.ceiling,
    };
  }

  private async measureCeiling(scenario: Scenario): Promise<Figures> {
    const { blob, other } = scenario.ceiling;
    await (await fetch(`${this.ceiling.origin}/lengths/${blob}/${other}`, { method: 'PUT' })).arrayBuffer();
    return figuresOf(scenario, [await measure(scenario, this.stage(this.ceiling, true))]);
  }

  private keep(scenario: Scenario, subject: Subject, sample: Sample): void {
    const key = `${scenario.name}: ${subject.name}`;
    this.samples.set(key, [...(this.samples.get(key) ?? []), sample]);
  }

  private figures(scenario: Scenario, subject: Subject | undefined): Figures | undefined {
    const samples = this.samples.get(`${scenario.name}: ${subject?.name}`);
    return samples && figuresOf(scenario, samples);
  }
}

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

async function runAll(bench: Bench, scenarios: readonly Scenario[], options: Options): Promise<Results> {
  const deadline = performance.now() + options.minutes * 60_000;
  const rows: Row[] = [];
  await bench.start();
  console.log(`${conditionsText(options, bench.descriptions)}\n\n${headerText()}`);
  for (const scenario of scenarios) {
    if (performance.now() > deadline) {
      console.error(`! stopped after ${options.minutes} minutes, before: ${scenario.name}`);
      return { rows, complete: false };
    }
    const row = await bench.run(scenario);
    rows.push(row);
    console.log(rowText(row));
    for (const problem of problemsOf(row)) console.error(`! ${problem}`);
  }
  return { rows, complete: true };
}

/** Exit status: 0 when everything was measured and every answer was right; a missed target is printed, not failed. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  const scenarios = scenariosFor(options);
  if (options.list) {
    for (const { name } of scenarios) console.log(name);
    return 0;
  }
  if (scenarios.length === 0) throw new Error('no scenario has such a name; --list shows them');
  const directory = await mkdtemp(join(tmpdir(), 'stackyard-bench-'));
  const bench = new Bench(options, directory);
  const interrupted = (): void => {
    bench.close().then(
      () => process.exit(130),
      (error: unknown) => {
        console.error(`bench: ${messageOf(error)}`);
        process.exit(1);
      },
    );
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await checkDisk(directory);
    const { rows, complete } = await runAll(bench, scenarios, options);
    const lines = options.selfTest ? [] : targetLines(rows);
    console.log(`\n${marksLegend}\n${lines.length > 0 ? `\nMust show:\n${lines.join('\n')}` : ''}`);
    if (options.json !== undefined) {
      await writeFile(options.json, JSON.stringify({ options, samples: bench.allSamples }, null, 2));
    }
    return complete && rows.every((row) => problemsOf(row).length === 0) ? 0 : 1;
  } finally {
    await bench.close();
  }
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(`bench: ${messageOf(error)}\n\n${usage}`);
    process.exitCode = 1;
  },
);
