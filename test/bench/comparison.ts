import { join } from 'node:path';
import { Fixtures } from './fixtures.js';
import { LoadGenerator } from './generator/load-generator.js';
import { launchCeiling, launchOurs, launchPeer } from './launches.js';
import { figuresOf, measure, type Figures, type Sample } from './measurement.js';
import type { Options } from './options.js';
import type { Row } from './report.js';
import type { Scenario, Stage } from './scenario.js';
import { ServerProcess } from './server-process.js';
import type { BenchStorage } from './storage/bench-storage.js';
import type { Subject } from './subject.js';

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Everything one invocation starts besides the storage; `close` ends it. */
export class Comparison {
  private readonly samples = new Map<string, Sample[]>();
  private readonly generator: LoadGenerator;
  private readonly fixtures: Fixtures;
  private readonly proxying: readonly ServerProcess[];
  /** On the same data; they run once a scenario is of them. */
  private readonly redirecting: readonly ServerProcess[];
  private readonly ceiling: ServerProcess | undefined;
  private readonly running = new Set<ServerProcess>();
  private interrupted = false;

  constructor(
    private readonly options: Options,
    private readonly directory: string,
    private readonly storage: BenchStorage,
  ) {
    this.generator = new LoadGenerator(directory);
    this.fixtures = new Fixtures(this.generator, storage.scale);
    this.proxying = this.servers(false);
    this.redirecting = this.servers(true);
    // the bare storage, where there is such a thing, is what limits instead
    if (!storage.bare) {
      this.ceiling = new ServerProcess('ceiling', {
        directory: join(directory, 'ceiling'),
        launch: launchCeiling,
      });
    }
  }

  get descriptions(): readonly string[] {
    const { options, storage } = this;
    const peer = `docker-registry 2.8.2 (Debian), ${storage.title}, in-memory descriptor cache, logs to a file, all cores`;
    return [
      options.selfTest
        ? 'ours: NOT ours but a second peer (--self-test)'
        : `ours: Stackyard, ${storage.title}, ${options.workers} worker(s), logs to a file`,
      ...(options.oursOnly ? [] : [`peer: ${peer}`]),
      ...(storage.bare ? [`bare: the same bytes by one PUT or GET to ${storage.title} itself`] : []),
    ];
  }

  async start(): Promise<void> {
    for (const server of [...this.proxying, ...(this.ceiling ? [this.ceiling] : [])])
      await this.ensureStarted(server);
  }

  /** ours, peer, bare, ours, peer, bare, … and the ceiling once. A server that fails is out of this scenario only. */
  async run(scenario: Scenario): Promise<Row> {
    const failures: string[] = [];
    const failed = new Set<Subject>();
    const subjects = await this.subjectsOf(scenario);
    for (let run = 0; run < this.options.runs; run++) {
      for (const subject of subjects.filter((candidate) => !failed.has(candidate))) {
        try {
          this.keep(scenario, subject, await this.measure(scenario, this.stage(subject, run === 0)));
        } catch (error) {
          if (this.interrupted) throw new Error('interrupted', { cause: error });
          failed.add(subject);
          failures.push(`${subject.name}: ${messageOf(error)}`);
          await subject.restart();
        }
      }
    }
    return {
      scenario,
      ours: this.figures(scenario, 'ours'),
      peer: this.figures(scenario, 'peer'),
      bare: this.figures(scenario, 'bare'),
      ceiling: await this.measureCeiling(scenario),
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
    await Promise.all([...this.running].map((server) => server.stop()));
  }

  private servers(redirects: boolean): readonly ServerProcess[] {
    const { options, storage } = this;
    const server = (name: 'ours' | 'peer', isPeer: boolean): ServerProcess => {
      const directory = join(this.directory, redirects ? `${name}-redirecting` : name);
      return new ServerProcess(name, {
        directory,
        launch: async (dataDirectory) => {
          const place = { dataDirectory, redirects };
          return isPeer
            ? launchPeer(storage.peer(place), directory)
            : launchOurs(storage.ours(place), options);
        },
        ...(storage.discard && { discard: storage.discard.bind(storage) }),
      });
    };
    const ours = server('ours', options.selfTest);
    return options.oursOnly ? [ours] : [ours, server('peer', true)];
  }

  private async ensureStarted(server: ServerProcess): Promise<void> {
    if (this.running.has(server)) return;
    this.running.add(server);
    await server.start();
  }

  private async subjectsOf({ redirected, noBare }: Scenario): Promise<readonly Subject[]> {
    const servers = redirected ? this.redirecting : this.proxying;
    for (const server of servers) await this.ensureStarted(server);
    return this.storage.bare && !noBare && !this.options.oursOnly ? [...servers, this.storage.bare] : servers;
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

  private async measure(scenario: Scenario, stage: Stage): Promise<Sample> {
    return measure(scenario, stage, () => this.storage.cpuSeconds());
  }

  private async measureCeiling(scenario: Scenario): Promise<Figures | undefined> {
    if (!this.ceiling) return undefined;
    const { blob, other } = scenario.ceiling;
    await (await fetch(`${this.ceiling.origin}/lengths/${blob}/${other}`, { method: 'PUT' })).arrayBuffer();
    return figuresOf(scenario, [await this.measure(scenario, this.stage(this.ceiling, true))]);
  }

  private keep(scenario: Scenario, subject: Subject, sample: Sample): void {
    const key = `${scenario.name}: ${subject.name}`;
    this.samples.set(key, [...(this.samples.get(key) ?? []), sample]);
  }

  private figures(scenario: Scenario, name: Subject['name']): Figures | undefined {
    const samples = this.samples.get(`${scenario.name}: ${name}`);
    return samples && figuresOf(scenario, samples);
  }
}
