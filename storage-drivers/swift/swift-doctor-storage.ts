import { known } from '../../src/ports/examination.js';
import { failure, ok, warning, type Verdict } from '../../src/ports/finding.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { swiftFailure } from './swift-failure.js';

/** Milliseconds. Signed URLs are good for minutes; ages of uploads and of garbage are compared with both clocks. */
const SKEW_TO_WARN = 5000;
const SKEW_TO_FAIL = 60_000;

/** Whether Swift answers at the storage URL and admits us. */
export async function checkStorage(facts: SwiftFacts): Promise<Verdict> {
  const { client, options } = facts;
  const sentAt = options.clock.now();
  const { status, headers } = await client.sendForHead({ method: 'HEAD' });
  const receivedAt = options.clock.now();
  facts.firstAnswer = { date: headers.date, sentAt, receivedAt };
  if (status !== 200 && status !== 204 && status !== 404) {
    throw swiftFailure(client.nameOf({ method: 'HEAD' }), status);
  }
  facts.container = { status, headers };
  return ok(`${(await client.parts.tokens.access()).storageUrl.origin} answers (${receivedAt - sentAt} ms)`);
}

/** Swift's clock beside ours; what the answer's way and whole seconds leave open counts as none. */
export async function checkClock({ firstAnswer }: SwiftFacts): Promise<Verdict> {
  const { date = '', sentAt, receivedAt } = known(firstAnswer, 'Swift was not reached');
  const told = Date.parse(date);
  if (Number.isNaN(told)) return warning('Swift does not tell its time (Date)', 'compare the clocks by hand');
  const behind = told - receivedAt;
  const ahead = sentAt - (told + 999);
  const skew = Math.max(behind, ahead);
  const found =
    skew <= 0
      ? "ours agrees with Swift's"
      : `ours is ${Math.ceil(skew / 1000)} s ${behind > ahead ? 'behind' : 'ahead of'} Swift's`;
  const fix = 'let NTP set the clock of this machine, and those of Swift';
  if (skew > SKEW_TO_FAIL) return failure(`${found}: signed URLs and ages of garbage are wrong`, fix);
  return skew > SKEW_TO_WARN ? warning(found, fix) : ok(found);
}
