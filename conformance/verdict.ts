import type { AllowedSkip } from './skips.js';
import type { SuiteResult, SuiteTest } from './suite.js';

export interface Verdict {
  readonly passed: number;
  readonly skipped: number;
  /** Each reason why this run is not good, one line or more; empty means it is. */
  readonly faults: readonly string[];
  readonly allowed: readonly { test: SuiteTest; reason: string }[];
}

/** Far below what the suite has (over 800 calls), so that a run that broke off early is noticed. */
const FEWEST_TESTS = 500;

/** Judges a run of the suite: a failure, an error, a skip without a reason, a feature that was off, or too few tests. */
export function judge(
  { tests, features }: SuiteResult,
  allowedSkips: readonly AllowedSkip[],
  fewest: number = FEWEST_TESTS,
): Verdict {
  const faults: string[] = [];
  const allowed: { test: SuiteTest; reason: string }[] = [];
  let passed = 0;
  for (const test of tests) {
    if (test.status === 'passed') {
      passed++;
      continue;
    }
    const reason =
      test.status === 'skipped' && allowedSkips.find((skip) => test.name.endsWith(skip.test))?.reason;
    if (typeof reason === 'string') allowed.push({ test, reason });
    else faults.push(`${test.status}: ${test.name}: ${test.message.trim()}`);
  }
  for (const [feature, status] of features) {
    if (status === 'Pass') continue;
    if (status === 'Skip' && allowed.length > 0) continue; // its tests are judged one by one above
    faults.push(`feature "${feature}": ${status}`);
  }
  const unused = allowedSkips.filter((skip) => !allowed.some(({ test }) => test.name.endsWith(skip.test)));
  for (const { test } of unused) faults.push(`the skip list names "${test}", which was not skipped`);
  if (tests.length < fewest) faults.push(`only ${tests.length} tests ran, at least ${fewest} were expected`);
  return { passed, skipped: allowed.length, faults, allowed };
}
