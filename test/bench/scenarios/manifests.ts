import type { Call, Operation } from '../generator/jobs.js';
import { runWrk } from '../generator/wrk.js';
import { acceptManifests, type Manifest } from '../fixtures.js';
import { load, mustBeRight, type Scenario, type Stage } from '../scenario.js';

type By = 'digest' | 'tag';

const meanManifest = 1000;
const ceiling = { blob: 4096, other: meanManifest };

function referenceOf(manifest: Manifest, by: By): string {
  return by === 'tag' ? manifest.tag : `sha256:${manifest.sha256}`;
}

async function manifestsFor(stage: Stage): Promise<readonly Manifest[]> {
  return stage.fixtures.manifests(stage.ceiling ? undefined : stage.subject);
}

/** Everything is read and its sha256 checked before the first measurement, a tenth of it before the others. */
async function verify(stage: Stage, operations: readonly Operation[]): Promise<void> {
  const part = stage.first ? operations : operations.filter((_, index) => index % 10 === 0);
  if (!stage.ceiling) mustBeRight(await load(stage, stage.options.connections, part), 'verification');
}

/** By digest our answer comes from memory: nothing that Swift is asked compares with that. */
export function hotGet(by: By): Scenario {
  return {
    name: `manifest GET by ${by}, hot`,
    unit: 'operation',
    ...(by === 'digest' && { noBare: true }),
    ceiling,
    ready: async (stage) => {
      const manifests = await manifestsFor(stage);
      const gets = manifests.map((manifest) =>
        stage.fixtures.getManifest(manifest, referenceOf(manifest, by)),
      );
      await verify(stage, gets);
      const asked = stage.subject.asked(gets) as readonly Call[];
      const job = {
        target: stage.subject.target,
        paths: asked.map(({ path }) => path),
        headers: asked[0]?.headers ?? {},
        connections: stage.options.connections,
        leastMeanBytes: stage.ceiling ? 0 : Math.min(...manifests.map(({ body }) => body.length)),
      };
      if (stage.first) await runWrk(stage.scratch, { ...job, seconds: stage.options.quick ? 1 : 2 });
      return { run: () => runWrk(stage.scratch, { ...job, seconds: stage.options.seconds }) };
    },
  };
}

/** The process is new, the kernel's page cache is not: each manifest is read exactly once. */
function coldGet(by: By): Scenario {
  return {
    name: `manifest GET by ${by}, first pass after a restart`,
    unit: 'operation',
    ceiling,
    ready: async (stage) => {
      const manifests = await manifestsFor(stage);
      if (!stage.ceiling) await stage.subject.restart();
      const gets = manifests.map((manifest) =>
        stage.fixtures.getManifest(manifest, referenceOf(manifest, by)),
      );
      return { run: () => load(stage, stage.options.connections, gets) };
    },
  };
}

const putManifests: Scenario = {
  name: 'manifest PUT by a new tag',
  unit: 'operation',
  ceiling,
  ready: async (stage) => {
    const { fixtures, options } = stage;
    await manifestsFor(stage);
    const count = options.seconds * 400;
    const warm = stage.first ? Math.ceil(count / 4) : options.connections;
    const puts = Array.from({ length: count + warm }, (_, index) => {
      const repository = fixtures.repositories[index % fixtures.repositories.length];
      return fixtures.putManifest(fixtures.freshManifest(repository ?? ''));
    });
    mustBeRight(await load(stage, options.connections, puts.slice(0, warm)), 'warm-up');
    return { run: () => load(stage, options.connections, puts.slice(warm)) };
  },
};

interface Head {
  readonly path: string;
  readonly length: number;
}

function headScenario(name: string, headsOf: (stage: Stage) => Promise<readonly Head[]>): Scenario {
  return {
    name,
    unit: 'operation',
    ceiling,
    ready: async (stage) => {
      const heads = await headsOf(stage);
      const headers = { Accept: acceptManifests };
      await verify(
        stage,
        heads.map(({ path, length }) => ({
          kind: 'call',
          method: 'HEAD',
          path,
          headers,
          status: 200,
          length,
        })),
      );
      const { generator, options, subject } = stage;
      const paths = heads.map(({ path }) => path);
      const job = { target: subject.target, lanes: options.connections, paths, accept: acceptManifests };
      if (stage.first) await generator.run({ ...job, seconds: stage.options.quick ? 1 : 2 });
      return { run: () => generator.run({ ...job, seconds: options.seconds }) };
    },
  };
}

const blobHead = headScenario('blob HEAD', async (stage) => {
  const blobs = await stage.fixtures.seed(stage.ceiling ? undefined : stage.subject);
  return blobs.flatMap(({ digest, content }) =>
    stage.fixtures.repositories.map((name) => ({
      path: `/v2/${name}/blobs/${digest}`,
      length: content.size,
    })),
  );
});

const manifestHead = headScenario('manifest HEAD by tag', async (stage) =>
  (await manifestsFor(stage)).map(({ repository, tag, body }) => ({
    path: `/v2/${repository}/manifests/${tag}`,
    length: body.length,
  })),
);

export function manifestScenarios(): readonly Scenario[] {
  return [
    hotGet('digest'),
    hotGet('tag'),
    coldGet('digest'),
    coldGet('tag'),
    blobHead,
    manifestHead,
    putManifests,
  ];
}
