import { join } from 'node:path';
import { messageOf } from '../comparison.js';
import { Fixtures } from '../fixtures.js';
import { LoadGenerator } from '../generator/load-generator.js';
import { figuresOf, measure, type Sample } from '../measurement.js';
import type { Options } from '../options.js';
import type { Row } from '../report.js';
import type { Scenario } from '../scenario.js';
import type { ServerProcess } from '../server-process.js';
import type { BenchStorage } from '../storage/bench-storage.js';
import { cachedScenarios } from './cached-scenarios.js';
import { pullAtOnce, pullBySkopeo, type Pulled } from './clients.js';
import { startContender, startUpstream, type Contender, type ContenderName } from './contender.js';
import { pushFreshImage, type FreshImage } from './image.js';
import { directoryOf } from './kept-logs.js';
import type { PullCase } from './pull-case.js';
import type { PullRow } from './pull-report.js';
import { inTheMiddle, rested, samplePulls, type PullSample } from './pull-sample.js';

const BITS_PER_BYTE = 8;
/** What a mirror takes before it is measured, for none is asked right after its start; MiB. */
const WARM_UP = [1, 10, 10];

/** Two mirrors of one upstream; `close` ends all that it started besides the storage. */
export class MirrorComparison {
  /** What went wrong, by whose fault. */
  readonly problems = new Map<ContenderName, string[]>();
  readonly samples: Record<string, unknown[]> = {};
  private readonly generator: LoadGenerator;
  private readonly fixtures: Fixtures;
  private readonly contenders = new Map<ContenderName, Contender>();
  private upstreamServer: ServerProcess | undefined;

  constructor(
    private readonly options: Options,
    private readonly directory: string,
    private readonly storage: BenchStorage,
  ) {
    this.generator = new LoadGenerator(directory);
    this.fixtures = new Fixtures(this.generator, storage.scale);
  }

  get cached(): readonly Scenario[] {
    return cachedScenarios(this.options, async ({ subject }) => {
      for (const contender of this.contenders.values())
        if (contender.server === subject) await rested(contender, this.surroundings);
    });
  }

  async start(): Promise<void> {
    this.upstreamServer = await startUpstream(join(this.directory, 'upstream'));
    for (const name of this.wanted(['ours', 'peer'])) await this.contender(name);
  }

  /** By turns; each round has an image of its own, and whatever shares a store with another has one, too. */
  async runPulls(one: PullCase): Promise<readonly PullRow[]> {
    const names = this.wanted(one.contenders);
    const first = new Map<ContenderName, PullSample[]>(names.map((name) => [name, []]));
    const again = new Map<ContenderName, PullSample[]>(names.map((name) => [name, []]));
    for (let run = 0; run < this.options.runs; run++) {
      const image = await this.freshImage(one);
      for (const name of names) {
        const pulled = name === 'ours, 2 workers' ? await this.freshImage(one) : image;
        const contender = await this.contender(name);
        const limit = one.link === undefined ? undefined : (one.link * 1e6) / BITS_PER_BYTE;
        contender.link.limit = limit;
        first.get(name)?.push(await this.sample(contender, one, pulled, one.name));
        contender.link.limit = undefined;
        if (one.again !== undefined)
          again.get(name)?.push(await this.sample(contender, one, pulled, one.again));
      }
    }
    return [
      ...rowsOf(one.name, one, first, false),
      ...(one.again === undefined ? [] : rowsOf(one.again, one, again, true)),
    ];
  }

  async runCached(scenario: Scenario): Promise<Row> {
    const names = this.wanted(['ours', 'peer']);
    const samples = new Map<ContenderName, Sample[]>(names.map((name) => [name, []]));
    const failures: string[] = [];
    for (let run = 0; run < this.options.runs; run++) {
      for (const name of names) {
        const { server } = await this.contender(name);
        const { generator, fixtures, options, directory } = this;
        const stage = {
          ...{ subject: server, generator, fixtures, options, scratch: directory },
          first: run === 0,
          ceiling: false,
        };
        try {
          const sample = await measure(scenario, stage, () => this.storage.cpuSeconds());
          samples.get(name)?.push(sample);
          this.keep(scenario.name, name, sample);
          this.tell(scenario.name, name, sample.errorSamples);
        } catch (error) {
          failures.push(`${name}: ${messageOf(error)}`);
          this.tell(scenario.name, name, [messageOf(error)]);
          await server.restart();
        }
      }
    }
    const figures = (name: ContenderName) => {
      const taken = samples.get(name) ?? [];
      return taken.length === 0 ? undefined : figuresOf(scenario, taken);
    };
    return {
      ...{ scenario, ours: figures('ours'), peer: figures('peer'), failures },
      ...{ bare: undefined, ceiling: undefined },
    };
  }

  /** Makes the measurement that runs fail soon; `close` is still to be called. */
  interrupt(): void {
    this.generator.close();
  }

  async close(): Promise<void> {
    this.generator.close();
    for (const { server, link } of this.contenders.values()) {
      await server.stop();
      await link.stop();
    }
    await this.upstreamServer?.stop();
  }

  private get surroundings(): { upstream: ServerProcess; storage: BenchStorage } {
    return { upstream: this.upstream, storage: this.storage };
  }

  private get upstream(): ServerProcess {
    if (this.upstreamServer === undefined) throw new Error('the upstream does not run yet');
    return this.upstreamServer;
  }

  private wanted(names: readonly ContenderName[]): readonly ContenderName[] {
    return this.options.oursOnly ? names.filter((name) => name !== 'peer') : names;
  }

  private async contender(name: ContenderName): Promise<Contender> {
    const known = this.contenders.get(name);
    if (known !== undefined) return known;
    const { options, storage, upstream } = this;
    const directory = directoryOf(name, this.directory);
    const contender = await startContender({ name, directory, storage, upstream, options });
    this.contenders.set(name, contender);
    const image = await this.freshImage({ layers: WARM_UP });
    const { errorSamples } = await pullBySkopeo(contender.server, image, this.directory);
    this.tell('warm-up', name, errorSamples);
    await rested(contender, this.surroundings);
    return contender;
  }

  private async freshImage({ layers }: Pick<PullCase, 'layers'>): Promise<FreshImage> {
    const { generator, fixtures, upstream } = this;
    return pushFreshImage({ generator, fixtures, upstream }, layers);
  }

  private async sample(
    contender: Contender,
    { pulls }: PullCase,
    image: FreshImage,
    what: string,
  ): Promise<PullSample> {
    const { name, server } = contender;
    const { generator, fixtures, directory } = this;
    const pull = (): Promise<Pulled> =>
      pulls === 1
        ? pullBySkopeo(server, image, directory)
        : pullAtOnce({ generator, fixtures }, server, image, pulls);
    const sample = await samplePulls(contender, this.surroundings, pull);
    this.keep(what, name, sample);
    this.tell(what, name, sample.errorSamples);
    return sample;
  }

  private keep(what: string, name: ContenderName, sample: unknown): void {
    (this.samples[`${what}: ${name}`] ??= []).push(sample);
  }

  private tell(what: string, name: ContenderName, errors: readonly string[]): void {
    if (errors.length === 0) return;
    const known = this.problems.get(name) ?? [];
    this.problems.set(name, [...known, ...errors.map((error) => `${what}: ${name}: ${error}`)]);
  }
}

/** One for each of ours, all beside the same peer. */
function rowsOf(
  name: string,
  { pulls }: PullCase,
  samples: ReadonlyMap<ContenderName, readonly PullSample[]>,
  cached: boolean,
): readonly PullRow[] {
  const peers = samples.get('peer');
  const peer = peers && inTheMiddle(peers);
  return [...samples]
    .filter(([contender]) => contender !== 'peer')
    .map(([oursBy, taken]) => ({ name, pulls, cached, ours: inTheMiddle(taken), oursBy, peer }));
}
