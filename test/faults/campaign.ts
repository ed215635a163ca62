import type { SwiftBed } from '../support/swift-bed.js';
import { Lane, type LaneOptions } from './lane.js';
import { casesOf, cleanRun, outagesOf, run, titleOf, type Case, type Outcome } from './matrix.js';
import type { Operation } from './operations/operation.js';
import { DAY } from '../support/in-process.js';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';

/** Milliseconds: one repetition after a Retry-After of a second, or after an answer that never came, is within. */
export const ONCE: LaneOptions['times'] = { connect: 2000, request: 4000, retry: 20_000 };
/** Short, so that what fails for good fails soon. */
export const OUTAGE: LaneOptions['times'] = { connect: 500, request: 1500, retry: 1500 };

export interface Campaign {
  readonly bed: SwiftBed;
  readonly operations: readonly Operation[];
  /** Cases run beside each other. */
  readonly lanes: number;
  /** Of all cases one in so many is run, always the same. */
  readonly every: number;
  readonly onOutcome?: (outcome: Outcome) => void;
}

export interface CampaignResult {
  /** Of which `outcomes` are those that were run. */
  readonly cases: number;
  readonly outcomes: readonly Outcome[];
  /** Acknowledged content that was read back at the end. */
  readonly acknowledged: number;
  /** Of it what could not be, and what else the stores hold that they should not; each a line. */
  readonly lost: readonly string[];
  readonly wrong: readonly string[];
}

/** Runs the cases, then has each store purged of all that is old and reads back everything acknowledged. */
export async function runCampaign({
  bed,
  operations,
  lanes,
  every,
  onOutcome,
}: Campaign): Promise<CampaignResult> {
  const [once, outage] = await Promise.all(
    [ONCE, OUTAGE].map((times) =>
      Promise.all(Array.from({ length: lanes }, () => Lane.open(bed, { times }))),
    ),
  );
  if (once === undefined || outage === undefined) throw new Error('no lanes');
  const [first] = once;
  if (first === undefined) throw new Error('a campaign needs a lane');
  const all: Case[] = [];
  for (const operation of operations) {
    const requests = await cleanRun(first, operation);
    all.push(...casesOf(operation, requests), ...outagesOf(operation, requests));
  }
  const chosen = all.filter((_, i) => i % every === 0);
  const outcomes: Outcome[] = [];
  const work = async (lane: Lane, cases: Iterator<Case>): Promise<void> => {
    for (let step = cases.next(); step.done !== true; step = cases.next()) {
      const outcome = await run(lane, step.value);
      outcomes.push(outcome);
      onOutcome?.(outcome);
    }
  };
  const passing = chosen.filter(({ isOutage }) => !isOutage).values();
  const lasting = chosen.filter(({ isOutage }) => isOutage).values();
  await Promise.all([
    ...once.map((lane) => work(lane, passing)),
    ...outage.map((lane) => work(lane, lasting)),
  ]);
  const ends = await Promise.all([...once, ...outage].map(close));
  return {
    cases: all.length,
    outcomes,
    acknowledged: ends.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    lost: ends.flatMap(({ lost }) => lost),
    wrong: ends.flatMap(({ wrong }) => wrong),
  };
}

export function failuresOf({ outcomes }: Pick<CampaignResult, 'outcomes'>): readonly string[] {
  return outcomes.flatMap(({ of, failure }) => (failure === undefined ? [] : [`${titleOf(of)}: ${failure}`]));
}

async function close(lane: Lane): Promise<Omit<CampaignResult, 'outcomes' | 'cases'>> {
  const store = lane.directStore();
  store.clock.advance(9 * DAY);
  const driver = store.driver();
  const { failed } = await purgeUploads(driver, store.clock, { olderThan: 8 * DAY, dryRun: false });
  const lost = await lane.ledger.lost(lane.witness);
  const wrong = [
    ...(failed === undefined ? [] : [failed.reason]),
    ...(await lane.contents.faults(lane.ledger.digests)),
    ...(await lane.contents.garbage()).map((name) => `left after the purge: ${name}`),
  ];
  const acknowledged = lane.ledger.size;
  await store.remove();
  await lane.contents.remove();
  await lane.close();
  return { acknowledged, lost, wrong };
}
