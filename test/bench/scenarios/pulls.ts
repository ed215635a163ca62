import type { Operation, Pull } from '../generator/jobs.js';
import { MiB, mustBeRight, type Scenario, type Stage } from '../scenario.js';

function pullScenario(mebibytes: number, lanes: number): Scenario {
  const perSecond = mebibytes === 1 ? 250 : mebibytes === 10 ? 30 : 4;
  return {
    name: `pull ${mebibytes} MiB ×${lanes}`,
    unit: mebibytes === 1 ? 'operation' : 'GiB',
    ceiling: { blob: mebibytes * MiB, other: 2 },
    ready: async (stage) => {
      const { subject, generator, fixtures, options, ceiling } = stage;
      const blobs = await fixtures.blobs(ceiling ? undefined : subject, mebibytes * MiB);
      const pulls = (verify: Pull['verify']): Pull[] =>
        blobs.map(({ path, content, digest }) => ({ kind: 'pull', path, content, digest, verify }));
      const load = (operations: readonly Operation[]): ReturnType<typeof generator.run> =>
        generator.run({ target: subject.target, lanes, operations, lenient: ceiling });
      if (stage.first) mustBeRight(await load(pulls('sha256')), 'sha256 of every blob');
      mustBeRight(await load(pulls('bytes').slice(0, lanes * 2)), 'warm-up');
      const count = Math.max(lanes * 2, options.seconds * perSecond);
      const once = pulls('bytes');
      const rounds = Array.from({ length: Math.ceil(count / once.length) }, () => once);
      return { run: () => load(rounds.flat().slice(0, count)) };
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
        { kind: 'pull', path, content, digest, verify: 'bytes' },
      ],
    };
  });
  return { operations, pushed };
}

let mixRuns = 0;

const mixScenario: Scenario = {
  name: `mix 80 % pulls, 20 % pushes of 1 MiB images ×${mixLanes}`,
  unit: 'operation',
  ceiling: { blob: mixBlob, other: 1000 },
  ready: async (stage) => {
    const { subject, generator, options, ceiling, first } = stage;
    const repository = `bench/mix-${++mixRuns}`;
    const count = options.seconds * 150;
    const warm = first ? Math.ceil(count / 4) : mixLanes * 2;
    const { operations, pushed } = await mixOperations(stage, count + warm, repository);
    const job = { target: subject.target, lanes: mixLanes, lenient: ceiling };
    mustBeRight(await generator.run({ ...job, operations: operations.slice(0, warm) }), 'warm-up');
    return {
      run: () => generator.run({ ...job, operations: operations.slice(warm) }),
      clean: () => subject.discard(repository, pushed),
    };
  },
};

export function pullScenarios(): readonly Scenario[] {
  return [...[1, 10, 100].flatMap((size) => [1, 4].map((lanes) => pullScenario(size, lanes))), mixScenario];
}
