import assert from 'node:assert/strict';
import { RecentChanges } from '../../src/registry/recent-changes.js';
import { FakeClock } from '../support/in-process.js';

const MINUTE = 60_000;

describe('registry/recent-changes', () => {
  const added = { present: true };
  const removed = { present: false };

  it('knows of each name the latest change, for ten minutes, each group by itself', () => {
    const clock = new FakeClock();
    const recent = new RecentChanges(clock);
    recent.note('a', 'one', added);
    recent.note('a', 'two', added);
    recent.note('b', 'three', added);
    clock.advance(5 * MINUTE);
    recent.note('a', 'one', removed);
    const two = { name: 'two', present: true };
    const one = { name: 'one', present: false };
    assert.deepEqual(recent.of('a'), [two, one]);
    clock.advance(5 * MINUTE - 1);
    assert.deepEqual(recent.of('a'), [two, one]);
    clock.advance(1);
    assert.deepEqual(recent.of('a'), [one]);
    assert.deepEqual(recent.of('b'), []);
    clock.advance(5 * MINUTE);
    assert.deepEqual(recent.of('a'), []);
    assert.deepEqual(recent.of('none'), []);
  });

  it('forgets what somebody else undid', () => {
    const recent = new RecentChanges(new FakeClock());
    recent.note('a', 'one', added);
    recent.forget('a', 'one');
    recent.forget('none', 'one');
    assert.deepEqual(recent.of('a'), []);
  });

  it('holds at most ten thousand names of a group, the latest', () => {
    const recent = new RecentChanges(new FakeClock());
    for (let i = 0; i <= 10_000; i++) recent.note('a', `n${i}`, added);
    const names = recent.of('a').map(({ name }) => name);
    assert.equal(names.length, 10_000);
    assert.equal(names[0], 'n1');
    assert.equal(names.at(-1), 'n10000');
  });

  it('holds at most two hundred thousand of all groups, those of the latest', () => {
    const recent = new RecentChanges(new FakeClock());
    for (let group = 0; group <= 25; group++)
      for (let i = 0; i <= 9_999; i++) recent.note(`g${group}`, `n${i}`, added);
    recent.forget('g25', 'n0');
    recent.note('g0', 'again', added);
    const held = Array.from({ length: 26 }, (_, group) => recent.of(`g${group}`).length);
    assert.deepEqual(held, [1, ...Array<number>(5).fill(0), ...Array<number>(19).fill(10_000), 9_999]);
  });
});
