import { readFileSync } from 'node:fs';
import type { Context } from 'mocha';
import { swiftBed } from '../support/swift-bed.js';
import { failuresOf, runCampaign } from './campaign.js';
import { OPERATIONS } from './operations/operations.js';
void readFileSync;
const [pattern = '.', every = '1', lanes = '2'] = process.argv.slice(2);
const bed = await swiftBed({} as Context);
const began = performance.now();
let done = 0;
const result = await runCampaign({
  bed,
  operations: OPERATIONS.filter(({ name }) => new RegExp(pattern).test(name)),
  lanes: Number(lanes),
  every: Number(every),
  onOutcome: (o) => {
    done++;
    if (o.failure !== undefined) console.log(failuresOf({ outcomes: [o], acknowledged: 0, lost: [], wrong: [] })[0]);
  },
});
console.log(`${done} cases, ${failuresOf(result).length} failed, ${result.outcomes.reduce((s, o) => s + o.retries, 0)} retries, ${result.acknowledged} acknowledged, ${((performance.now() - began) / 1000).toFixed(0)} s`);
console.log('lost', result.lost, 'wrong', result.wrong);
process.exit(0);
