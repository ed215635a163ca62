import { failureOf, warning } from './finding.js';
import type { Finding, Verdict } from './finding.js';

/** One row of an examination. What it learns for those after it, it notes in the facts. */
export interface Check<Facts> {
  readonly name: string;
  /** Of a failure that tells none. */
  readonly fix: string;
  /** @throws NotChecked; any other error is a failure of the store */
  readonly run: (facts: Facts) => Promise<Verdict | readonly Verdict[]>;
}

/** Thrown by a check that needs what an earlier one did not find. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

/** The fact. @throws NotChecked where it is missing */
export function known<T>(fact: T | undefined, why: string): T {
  if (fact === undefined) throw new NotChecked(why);
  return fact;
}

/** Runs the checks one after another, each for at most `deadline` milliseconds. Never throws. */
export async function* examine<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  deadline: number,
): AsyncGenerator<Finding, void, void> {
  for (const check of checks) {
    for (const verdict of await verdictsOf(check, facts, deadline)) yield { check: check.name, ...verdict };
  }
}

async function verdictsOf<Facts>(
  { run, fix }: Check<Facts>,
  facts: Facts,
  deadline: number,
): Promise<readonly Verdict[]> {
  try {
    return [await within(deadline, run(facts))].flat();
  } catch (error) {
    return [error instanceof NotChecked ? warning(`not checked: ${error.message}`) : failureOf(error, fix)];
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it has not ended within ${milliseconds / 1000} s`);
    timer = setTimeout(() => reject(error), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
