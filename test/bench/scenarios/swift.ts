import type { Scenario } from '../scenario.js';
import { catalogOfImages } from './lists.js';
import { hotGet } from './manifests.js';
import { mixScenario, pullScenario } from './pulls.js';
import { imageScenario, memoryScenario, pushScenario } from './pushes.js';

/** How many per second are asked for; Swift and the peer on it are far slower than a disk. */
const pushRates = { 1: 25, 10: 4, 100: 1 } as const;
const pullRates = { 1: 40, 10: 8, 100: 1 } as const;
const mixRate = 20;
const imageRate = 3;
const catalogRate = 8;
const memoryLanes = 16;

/** The workloads of a registry on Swift. Quick keeps every kind and leaves out the further numbers of lanes. */
export function swiftScenarios(quick: boolean): readonly Scenario[] {
  const lanesOf = (...lanes: readonly number[]): readonly number[] => (quick ? lanes.slice(0, 1) : lanes);
  const push = (mebibytes: 1 | 10 | 100, lanes: number): Scenario => {
    const mode = mebibytes === 1 ? 'monolithic' : 'streamed';
    return pushScenario({ mebibytes, mode, lanes, perSecond: pushRates[mebibytes] });
  };
  const pulls = ([1, 10, 100] as const).flatMap((mebibytes) =>
    lanesOf(1, 4).flatMap((lanes) => {
      const one = { mebibytes, lanes, perSecond: pullRates[mebibytes] };
      return [pullScenario(one), pullScenario({ ...one, redirected: true })];
    }),
  );
  return [
    catalogOfImages(catalogRate), // before anything is pushed elsewhere
    hotGet('digest'),
    hotGet('tag'),
    ...pulls,
    ...lanesOf(1, 4, 16).map((lanes) => push(1, lanes)),
    ...lanesOf(1, 4).map((lanes) => imageScenario({ layers: [1, 1, 1], lanes, perSecond: imageRate })),
    ...lanesOf(1, 4).map((lanes) => push(10, lanes)),
    ...lanesOf(1, 4).map((lanes) => push(100, lanes)),
    mixScenario(mixRate),
    memoryScenario(quick, memoryLanes),
  ];
}
