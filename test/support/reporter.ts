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

/** Mocha's spec output, and the counts as JSON at the end. */
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
      const explained = skippedSuites.some(({ suite }) => test.fullTitle().startsWith(suite));
      if (!explained)
        unexplained.push({ suite: test.fullTitle(), reason: 'marked as pending in the test itself' });
    });
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const result: RunResult = { ...counted, leftOut: [...skippedSuites, ...unexplained] };
      writeFileSync(output, JSON.stringify(result));
    });
  }
}
