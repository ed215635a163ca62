import type { Options } from '../options.js';
import type { Scenario, Stage } from '../scenario.js';
import { manifestScenarios } from '../scenarios/manifests.js';
import { pullScenarios } from '../scenarios/pulls.js';
import { swiftScenarios } from '../scenarios/swift.js';

const PULLED = /^manifest GET by (digest|tag), hot$|^pull \d+ MiB ×/;

/** The core's own scenarios of pulling, of a mirror that has everything; `rested` ends its taking of it. */
export function cachedScenarios(
  { storage, quick }: Options,
  rested: (stage: Stage) => Promise<void>,
): readonly Scenario[] {
  const all = storage === 'swift' ? swiftScenarios(quick) : [...manifestScenarios(), ...pullScenarios()];
  return all
    .filter(({ name }) => PULLED.test(name))
    .map((scenario) => ({
      ...scenario,
      name: `cached: ${scenario.name}`,
      ready: async (stage) => {
        const ready = await scenario.ready(stage);
        await rested(stage);
        return ready;
      },
    }));
}
