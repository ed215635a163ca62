import assert from 'node:assert/strict';
import { join } from 'node:path';
import { projectRoot } from '../support/project.js';
import { requireTool } from '../support/requirement.js';
import { runTool } from '../support/tool.js';
import { answerOf, FIXTURES, type Answer, type Asked } from './fixtures.js';
import { randomSetups } from './random-setups.js';

const SEED = 20_260_105;
const COUNT = 1000;

describe("the cookbook's files of container engines", function () {
  this.timeout(60_000);

  it('are the same bytes, and refused with the same words', async function () {
    const ruby = requireTool(this, 'ruby');
    const ofCookbook = FIXTURES.filter(({ engine }) => engine !== 'kubernetes' && engine !== 'buildkit');
    const asked: readonly Asked[] = [...ofCookbook, ...randomSetups(SEED, COUNT)];
    const script = join(projectRoot, 'test', 'client-config', 'files.rb');
    const input = asked.map((each) => `${JSON.stringify(each)}\n`).join('');
    const libraries = join(projectRoot, 'cookbook', 'libraries');
    const { stdout } = await runTool(ruby, [script, libraries], { input });
    const answers = stdout.trim().split('\n');
    assert.equal(answers.length, asked.length);
    const expected = asked.map(answerOf);
    for (const [at, each] of asked.entries())
      assert.deepEqual(JSON.parse(answers[at] ?? ''), expected[at], JSON.stringify(each));
    const { files, refusals } = countsOf(expected);
    assert.ok(files > COUNT / 4 && refusals > COUNT / 4, `${files} with files, ${refusals} refused`);
  });
});

function countsOf(answers: readonly Answer[]): { readonly files: number; readonly refusals: number } {
  const refusals = answers.filter((answer) => 'error' in answer).length;
  return { files: answers.length - refusals, refusals };
}
