import type { Call } from '../generator/jobs.js';
import { runWrk } from '../generator/wrk.js';
import { load, mustBeRight, type Ready, type Scenario, type Stage } from '../scenario.js';

const catalogPage = 100;

/** One answer, whole: these routes may be chunked, which the small generator does not read. */
async function getJson(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`GET ${url}: ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}

/** In any order: the peer lists tags as its directory does. */
function sameList(actual: unknown, wanted: readonly string[], what: string): void {
  if (Array.isArray(actual) && JSON.stringify(actual.toSorted()) === JSON.stringify(wanted)) return;
  throw new Error(`${what}: not the list of ${wanted.length} names that is there`);
}

async function readyToList(stage: Stage, paths: readonly string[], leastMeanBytes: number): Promise<Ready> {
  const { subject, options, scratch } = stage;
  const job = {
    target: subject.target,
    paths,
    headers: {},
    connections: options.connections,
    leastMeanBytes: stage.ceiling ? 0 : leastMeanBytes,
  };
  if (stage.first) await runWrk(scratch, { ...job, seconds: stage.options.quick ? 1 : 2 });
  return { run: () => runWrk(scratch, { ...job, seconds: options.seconds }) };
}

const tagsList: Scenario = {
  name: 'tags list',
  unit: 'operation',
  ceiling: { blob: 0, other: 9000 },
  ready: async (stage) => {
    const { subject, fixtures, ceiling } = stage;
    const repository = await fixtures.taggedRepository(ceiling ? undefined : subject);
    const path = `/v2/${repository}/tags/list`;
    if (!ceiling) sameList((await getJson(subject.origin + path))['tags'], fixtures.tags, path);
    return readyToList(stage, [path], JSON.stringify(fixtures.tags).length);
  },
};

const catalog: Scenario = {
  name: `catalog, pages of ${catalogPage}`,
  unit: 'operation',
  ceiling: { blob: 0, other: 2000 },
  ready: async (stage) => {
    const { subject, fixtures, ceiling } = stage;
    await fixtures.catalog(ceiling ? undefined : subject);
    const names = fixtures.catalogRepositories;
    const paths: string[] = [];
    for (let start = 0; start + catalogPage < names.length; start += catalogPage) {
      const path = `/v2/_catalog?n=${catalogPage}&last=${names[start] ?? ''}`;
      const page = names.slice(start + 1, start + 1 + catalogPage);
      if (!ceiling) sameList((await getJson(subject.origin + path))['repositories'], page, path);
      paths.push(path);
    }
    return readyToList(stage, paths, JSON.stringify(names.slice(0, catalogPage)).length);
  },
};

/** The whole catalog of a store that holds only the image repositories: run it before any push. */
export function catalogOfImages(perSecond: number): Scenario {
  return {
    name: 'catalog of 12 repositories',
    unit: 'operation',
    noBare: true,
    ceiling: { blob: 0, other: 400 },
    ready: async (stage) => {
      const { subject, fixtures, options, ceiling } = stage;
      await fixtures.manifests(ceiling ? undefined : subject);
      const path = '/v2/_catalog';
      const names = [...fixtures.repositories, fixtures.seedRepository].sort();
      if (!ceiling) sameList((await getJson(subject.origin + path))['repositories'], names, path);
      const get: Call = { kind: 'call', method: 'GET', path, headers: {}, status: 200 };
      const gets = (count: number): Call[] => Array.from({ length: count }, () => get);
      mustBeRight(await load(stage, 1, gets(2)), 'warm-up');
      return { run: () => load(stage, 1, gets(options.seconds * perSecond)) };
    },
  };
}

export function listScenarios(): readonly Scenario[] {
  return [tagsList, catalog];
}
