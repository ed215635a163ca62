import assert from 'node:assert/strict';
import { examine, known, type Check } from '../../src/ports/examination.js';
import { ok, type Finding } from '../../src/ports/finding.js';

interface Facts {
  seen?: string;
}

async function findingsOf(...checks: readonly Check<Facts>[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of examine(checks, {}, 50)) findings.push(finding);
  return findings;
}

const check = (name: string, run: Check<Facts>['run']): Check<Facts> => ({ name, fix: 'ask', run });

describe('an examination', () => {
  it('hands what a check learns to those after it, and tells what was not checked for want of it', async () => {
    const see = check('see', async (facts) => ok((facts.seen = 'a')));
    const use = check('use', async ({ seen }) => [ok(known(seen, 'none')), ok('b')]);
    assert.deepEqual(await findingsOf(use, see, use), [
      { check: 'use', level: 'warning', found: 'not checked: none' },
      { check: 'see', level: 'ok', found: 'a' },
      { check: 'use', level: 'ok', found: 'a' },
      { check: 'use', level: 'ok', found: 'b' },
    ]);
  });

  it('makes findings of errors, with their own fix or that of the check, and goes on', async () => {
    const thrower = (text: string) =>
      check('throw', async () => {
        throw new Error(text);
      });
    assert.deepEqual(await findingsOf(thrower('a; b;\n c; mend'), thrower('broken')), [
      { check: 'throw', level: 'error', found: 'a; b; c', fix: 'mend' },
      { check: 'throw', level: 'error', found: 'broken', fix: 'ask' },
    ]);
  });

  it('waits for no check beyond the deadline', async () => {
    const hang = check('hang', () => new Promise(() => undefined));
    assert.deepEqual(
      await findingsOf(
        hang,
        check('next', async () => ok('run')),
      ),
      [
        { check: 'hang', level: 'error', found: 'it has not ended within 0.05 s', fix: 'ask' },
        { check: 'next', level: 'ok', found: 'run' },
      ],
    );
  });
});
