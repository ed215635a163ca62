import { ok, type Verdict } from '../../src/ports/finding.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { Probe } from './swift-doctor-probe.js';
import { swiftFailure } from './swift-failure.js';

const FIRST = Buffer.from('the first segment, ');
const SECOND = Buffer.from('and the second');
const FROM = FIRST.length - 5;
const TO = FIRST.length + 4;

/** Makes a static large object of two segments, reads across their boundary, and removes all three. */
export async function checkLargeObject(facts: SwiftFacts): Promise<Verdict> {
  facts.requireContainer();
  const { clock } = facts.options;
  const began = clock.now();
  await Probe.use(facts, async (probe) => {
    const parts = [await probe.put('segment-1', FIRST), await probe.put('segment-2', SECOND)];
    await readAcross(facts, await probe.putLarge('large', parts));
  });
  return ok(`two segments were joined, read across their boundary and removed (${clock.now() - began} ms)`);
}

async function readAcross({ client }: SwiftFacts, object: string): Promise<void> {
  const { status, text } = await client.sendForText({
    method: 'GET',
    object,
    headers: { Range: `bytes=${FROM}-${TO}`, 'X-Newest': 'true' },
  });
  if (status !== 206) throw swiftFailure(client.nameOf({ method: 'GET', object }), status);
  const expected = Buffer.concat([FIRST, SECOND]).subarray(FROM, TO + 1);
  if (!text.equals(expected))
    throw new Error('a Range of a large object holds other bytes than were written');
}
