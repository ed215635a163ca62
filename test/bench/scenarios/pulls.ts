import type { Operation, Pull } from '../generator/jobs.js';
import { load, MiB, mustBeRight, type Scenario, type Stage } from '../scenario.js';

export interface PullLoad {
  readonly mebibytes: number;
  readonly lanes: number;
  /** How many are asked for in each of the wanted seconds; the same number of every server. */
  readonly perSecond: number;
  /** Every answer must be a redirect, which is followed on a connection of its own. */
  readonly redirected?: true;
}

export function pullScenario({ mebibytes, lanes, perSecond, redirected }: PullLoad): Scenario {
  return {
    name: `pull ${mebibytes} MiB${redirected ? ' redirected' : ''} ×${lanes}`,
    unit: mebibytes === 1 ? 'operation' : 'GiB',
    ...(redirected && { redirected }),
    ceiling: { blob: mebibytes * MiB, other: 2 },
    ready: async (stage) => {
      const { subject, fixtures, options, ceiling } = stage;
      const blobs = await fixtures.blobs(ceiling ? undefined : subject, mebibytes * MiB);
      const pulls = (verify: Pull['verify']): Pull[] =>
        blobs.map(({ path, content, digest }) => ({
          kind: 'pull',
          path,
          content,
          digest,
          verify,
          redirected: redirected ?? false,
        }));
      if (stage.first) mustBeRight(await load(stage, lanes, pulls('sha256')), 'sha256 of every blob');
      mustBeRight(await load(stage, lanes, pulls('bytes').slice(0, lanes * 2)), 'warm-up');
      const count = Math.max(lanes * 2, options.seconds * perSecond);
      const once = pulls('bytes');
      const rounds = Array.from({ length: Math.ceil(count / once.length) }, () => once);
      return { run: () => load(stage, lanes, rounds.flat().slice(0, count)) };
    },
  };
}

const mixLanes = 8;
const mixBlob = MiB;

/** Four pulls (tag, then a 1 MiB blob) to one push (a 1 MiB blob streamed, then a manifest). */
async function mixOperations(
  stage: Stage,
  count: number,
  repository: string,
): Promise<{ operations: Operation[]; pushed: string[] }> {
  const { fixtures, ceiling } = stage;
  const subject = ceiling ? undefined : stage.subject;
  const manifests = await fixtures.manifests(subject);
  const blobs = await fixtures.blobs(subject, mixBlob);
  const fresh = [...(await fixtures.freshBlobs(Math.ceil(count / 5), mixBlob))];
  const pushed = fresh.map(({ digest }) => digest);
  const operations = Array.from({ length: count }, (_, index): Operation => {
    const blob = index % 5 === 4 ? fresh.pop() : undefined;
    if (blob) {
      const manifest = fixtures.freshManifest(repository, [blob], blob);
      return {
        kind: 'sequence',
        steps: [fixtures.push(repository, blob, 'streamed'), fixtures.putManifest(manifest)],
      };
    }
    const manifest = manifests[index % manifests.length];
    const source = blobs[index % blobs.length];
    if (!manifest || !source) throw new Error('the fixtures are empty');
    const { path, content, digest } = source;
    return {
      kind: 'sequence',
      steps: [
        fixtures.getManifest(manifest, manifest.tag),
        { kind: 'pull', path, content, digest, verify: 'bytes', redirected: false },
      ],
    };
  });
  return { operations, pushed };
}

let mixRuns = 0;

export function mixScenario(perSecond: number): Scenario {
  return {
    name: `mix 80 % pulls, 20 % pushes of 1 MiB images ×${mixLanes}`,
    unit: 'operation',
    ceiling: { blob: mixBlob, other: 1000 },
    ready: async (stage) => {
      const { subject, options, first } = stage;
      const repository = `bench/mix-${++mixRuns}`;
      const count = options.seconds * perSecond;
      const warm = first ? Math.ceil(count / 4) : mixLanes * 2;
      const { operations, pushed } = await mixOperations(stage, count + warm, repository);
      mustBeRight(await load(stage, mixLanes, operations.slice(0, warm)), 'warm-up');
      return {
        run: () => load(stage, mixLanes, operations.slice(warm)),
        clean: () => subject.discard(repository, pushed),
      };
    },
  };
}

const pullRates = { 1: 250, 10: 30, 100: 4 } as const;

export function pullScenarios(): readonly Scenario[] {
  const pulls = ([1, 10, 100] as const).flatMap((mebibytes) =>
    [1, 4].map((lanes) => pullScenario({ mebibytes, lanes, perSecond: pullRates[mebibytes] })),
  );
  return [...pulls, mixScenario(150)];
}
