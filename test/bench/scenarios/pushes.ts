import type { Push, Sequence } from '../generator/jobs.js';
import { load, MiB, mustBeRight, type Ready, type Scenario, type Stage } from '../scenario.js';
import type { Blob } from '../fixtures.js';

let lastRepository = 0;

/** A repository of its own for each measurement: it is taken off the disk as a whole. */
function freshRepository(kind: string): string {
  return `bench/${kind}-${++lastRepository}`;
}

/** How many operations take about the wanted seconds; the same number for every server. */
function countFor(stage: Stage, perSecond: number, lanes: number): number {
  return Math.max(lanes * 2, Math.round(stage.options.seconds * perSecond));
}

async function readyToPush(
  stage: Stage,
  o: { mode: Push['mode']; size: number; lanes: number; count: number; warm: number },
): Promise<Ready> {
  const { subject, fixtures } = stage;
  const repository = freshRepository('push');
  const pushes = (blobs: readonly Blob[]): Push[] =>
    blobs.map((blob) => fixtures.push(repository, blob, o.mode));
  const warm = await fixtures.freshBlobs(o.warm, o.size);
  const blobs = await fixtures.freshBlobs(o.count, o.size);
  mustBeRight(await load(stage, o.lanes, pushes(warm)), 'warm-up');
  return {
    run: () => load(stage, o.lanes, pushes(blobs)),
    clean: () =>
      subject.discard(
        repository,
        [...warm, ...blobs].map(({ digest }) => digest),
      ),
  };
}

export interface PushLoad {
  readonly mebibytes: number;
  readonly mode: Push['mode'];
  readonly lanes: number;
  /** How many are sent in each of the wanted seconds; the same number to every server. */
  readonly perSecond: number;
}

export function pushScenario({ mebibytes, mode, lanes, perSecond }: PushLoad): Scenario {
  return {
    name: `push ${mebibytes} MiB ${mode} ×${lanes}`,
    unit: mebibytes === 1 ? 'operation' : 'GiB',
    ceiling: { blob: 0, other: 0 },
    ready: (stage) => {
      const count = countFor(stage, perSecond, lanes);
      const warm = stage.first ? Math.ceil(count / 4) : lanes;
      return readyToPush(stage, { mode, size: mebibytes * MiB, lanes, count, warm });
    },
  };
}

/** The requests of `docker push` for one image (PROTOCOL.md §4), layers one after another. */
function imageSequence(stage: Stage, repository: string, config: Blob, layers: readonly Blob[]): Sequence {
  const head = (digest: string, status: number): Sequence['steps'][number] => ({
    kind: 'call',
    method: 'HEAD',
    path: `/v2/${repository}/blobs/${digest}`,
    headers: {},
    status,
  });
  const ping = { kind: 'call', method: 'GET', path: '/v2/', headers: {}, status: 200 } as const;
  const blobSteps = [...layers, config].flatMap((blob) => [
    head(blob.digest, 404),
    stage.fixtures.push(repository, blob, blob === config ? 'monolithic' : 'streamed'),
    head(blob.digest, 200),
  ]);
  const manifest = stage.fixtures.freshManifest(repository, layers, config);
  return { kind: 'sequence', steps: [ping, ...blobSteps, stage.fixtures.putManifest(manifest)] };
}

export interface ImageLoad {
  /** Sizes of its layers in MiB. */
  readonly layers: readonly number[];
  readonly lanes: number;
  readonly perSecond: number;
}

export function imageScenario({ layers, lanes, perSecond }: ImageLoad): Scenario {
  return {
    name: `push image (${layers.join(' + ')} MiB, config, manifest) ×${lanes}`,
    unit: 'operation',
    ceiling: { blob: 0, other: 2 },
    ready: async (stage) => {
      const repository = freshRepository('image');
      const count = countFor(stage, perSecond, lanes);
      const warm = stage.first ? 4 : 1;
      const sets = await Promise.all(
        layers.map((size) => stage.fixtures.freshBlobs(count + warm, size * MiB)),
      );
      const configs = await stage.fixtures.freshBlobs(count + warm, 2048);
      const images = configs.map((config, index) =>
        imageSequence(
          stage,
          repository,
          config,
          sets.flatMap((blobs) => blobs.slice(index, index + 1)),
        ),
      );
      mustBeRight(await load(stage, lanes, images.slice(0, warm)), 'warm-up');
      return {
        run: () => load(stage, lanes, images.slice(warm)),
        clean: () =>
          stage.subject.discard(
            repository,
            [...sets.flat(), ...configs].map(({ digest }) => digest),
          ),
      };
    },
  };
}

/** Peak memory is that of a server fresh from its start. */
export function memoryScenario(quick: boolean, lanes: number): Scenario {
  const size = quick ? 16 : 100;
  return {
    name: `push ${size} MiB streamed ×${lanes} (peak RSS)`,
    unit: 'GiB',
    noBare: true,
    ceiling: { blob: 0, other: 0 },
    ready: async (stage) => {
      if (!stage.ceiling) await stage.subject.restart();
      return readyToPush(stage, { mode: 'streamed', size: size * MiB, lanes, count: lanes, warm: 1 });
    },
  };
}

const pushRates = { 1: 100, 10: 12, 100: 2 } as const;

/** Quick keeps every kind of push and leaves out the second number of lanes. */
export function pushScenarios(quick: boolean): readonly Scenario[] {
  const modes = ['monolithic', 'streamed'] as const;
  const lanesFor = (size: number): readonly number[] => (!quick ? [1, 4] : size === 1 ? [4] : [1]);
  const blobs = ([1, 10, 100] as const).flatMap((mebibytes) =>
    modes.flatMap((mode) =>
      lanesFor(mebibytes).map((lanes) =>
        pushScenario({ mebibytes, mode, lanes, perSecond: pushRates[mebibytes] }),
      ),
    ),
  );
  const images = lanesFor(10).map((lanes) => imageScenario({ layers: [1, 4, 16], lanes, perSecond: 4 }));
  return [...blobs, ...images, memoryScenario(quick, 32)];
}
