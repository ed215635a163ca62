import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { skippedSuites } from './requirement.js';

/** What a run leaves in the file named by the reporter option `output`, for scripts/test.mjs. */
export interface RunResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Each suite or test left out, with its reason. */
  readonly leftOut: readonly { suite: string; reason: string }[];
}

/**
 * Mocha's spec output, and the counts as JSON at the end. A test that skips itself gives its reason as
 * `this.currentTest.skipReason` (in a hook) or `this.test.skipReason`; else the list says that there is none.
 */
export default class RecordingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { output } = (options.reporterOptions ?? {}) as { output?: string };
    if (output === undefined) throw new Error('the reporter option "output" names no file');
    const counted = { passed: 0, failed: 0, skipped: 0 };
    const unexplained: { suite: string; reason: string }[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_PASS, () => counted.passed++);
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, () => counted.failed++); // failed hooks come here too
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test: Mocha.Test) => {
      counted.skipped++;
      if (skippedSuites.some(({ suite }) => test.fullTitle().startsWith(suite))) return;
      const { skipReason } = test as { skipReason?: string };
      unexplained.push({
        suite: test.fullTitle(),
        reason: skipReason ?? 'skipped by itself, without a reason',
      });
    });
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const result: RunResult = { ...counted, leftOut: [...skippedSuites, ...unexplained] };
      writeFileSync(output, JSON.stringify(result));
    });
  }
}
