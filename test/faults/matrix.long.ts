import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../support/project.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { failuresOf, runCampaign } from './campaign.js';
import { reliabilityPage } from './matrix-report.js';
import { OPERATIONS } from './operations/operations.js';

const LANES = Number(process.env['STACKYARD_TEST_LANES'] ?? 3);
/** For a shorter run: of all cases one in so many. */
const EVERY = Number(process.env['STACKYARD_TEST_EVERY'] ?? 1);
const PROGRESS_EVERY = 200;

describe('every fault at every request', function () {
  this.timeout(3 * 60 * 60_000);
  let bed: SwiftBed;
  before(async function () {
    bed = await swiftBed(this);
  });

  it('loses nothing acknowledged; docs/reliability.md tells the rest', async () => {
    const began = performance.now();
    let done = 0;
    const result = await runCampaign({
      bed,
      operations: OPERATIONS,
      lanes: LANES,
      every: EVERY,
      onOutcome: (outcome) => {
        done += 1;
        for (const line of failuresOf({ outcomes: [outcome] })) console.log(`      ${line}`);
        if (done % PROGRESS_EVERY === 0) console.log(`      ${done} cases`);
      },
    });
    const page = reliabilityPage(result, {
      date: new Date(),
      commit: commit(),
      every: EVERY,
      seconds: (performance.now() - began) / 1000,
    });
    await writeFile(join(projectRoot, 'docs', 'reliability.md'), page);
    assert.deepEqual(failuresOf(result), []);
    assert.deepEqual(result.lost, []);
    assert.deepEqual(result.wrong, []);
  });
});

function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--', 'src', 'storage-drivers', 'test') !== '';
  return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' with changes' : '');
}
