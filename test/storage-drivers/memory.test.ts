import assert from 'node:assert/strict';
import { chunked, collect } from '../../storage-drivers/driver-suite/bodies.js';
import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { memoryFixture, testClock, testIds } from './memory-fixture.js';

describeDriver('memory', () => memoryFixture((driver) => driver), { oneProcess: true });

describe('memory driver', () => {
  const driver = createMemoryDriver({ clock: testClock, ids: testIds(), segmentBytes: 10, joinBelow: 4 });
  const append = (recorded: Parameters<typeof driver.segments.append>[1], text: string) =>
    driver.segments.append('set', recorded, chunked(Buffer.from(text)));

  it('joins a short last segment with what follows, under a fresh name', async () => {
    const one = await append([], 'abc');
    const two = await append(one, 'defgh');
    assert.equal(two.length, 1);
    assert.notEqual(two[0]?.name, one[0]?.name);
    const three = await append(two, 'i');
    assert.deepEqual(
      three.map(({ size }) => size),
      [8, 1],
    );
    assert.deepEqual(three[0], two[0]);
    const four = await append(three, 'jk');
    assert.deepEqual(
      four.map(({ size }) => size),
      [8, 3],
    );
    assert.equal((await collect(driver.segments.read('set', four))).toString(), 'abcdefghijk');
    assert.equal((await collect(driver.segments.read('set', three))).toString(), 'abcdefghi');
  });

  it('refuses a body above its limit, as an object store does', async () => {
    await rejectsWith(append([], '0123456789a'), 'RANGE');
  });
});
