import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fixtures } from './fixtures.js';
import { LoadGenerator } from './generator/load-generator.js';
import { launchCeiling, launchOurs, launchPeer } from './launches.js';
import { figuresOf, measure, type Figures, type Sample } from './measurement.js';
import type { Options } from './options.js';
import type { Row } from './report.js';
import type { Scenario, Stage } from './scenario.js';
import { Subject } from './subject.js';

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Everything one invocation starts; `close` ends it and removes its files. */
export class Comparison {
  private readonly samples = new Map<string, Sample[]>();
  private readonly generator: LoadGenerator;
  private readonly fixtures: Fixtures;
  private readonly ceiling: Subject;
  private readonly subjects: readonly Subject[];
  private interrupted = false;

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
          if (this.interrupted) throw new Error('interrupted', { cause: error });
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

  /** Makes the measurement that runs fail soon and nothing new start; `close` is still to be called. */
  interrupt(): void {
    this.interrupted = true;
    this.generator.close();
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
