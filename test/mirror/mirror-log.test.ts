import assert from 'node:assert/strict';
import { MirrorLog } from '../../src/mirror/mirror-log.js';
import type { MirrorEvent } from '../../src/ports/mirror-telemetry.js';
import { ManualClock, SECOND } from '../audit/audit-world.js';
import { LogLines } from '../composition/log-lines.js';

const failed = (failure: string, reason: string, upstream = 'a'): MirrorEvent => ({
  upstream,
  kind: 'failed',
  failure,
  reason,
});

describe('mirror/mirror-log', () => {
  let clock: ManualClock;
  let lines: LogLines;
  let log: MirrorLog;
  beforeEach(() => {
    clock = new ManualClock();
    lines = new LogLines();
    log = new MirrorLog(lines, clock);
  });
  const said = () => lines.lines.splice(0).map(({ level, fields }) => [level, fields]);

  it('has a line for each change of a state, and for what was taken at level debug', () => {
    log.mirrorEvent({ upstream: 'a', kind: 'state', state: 'down', reason: 'no answer' });
    log.mirrorEvent({ upstream: 'a', kind: 'state', state: 'limited', reason: '429' });
    log.mirrorEvent({ upstream: 'a', kind: 'state', state: 'up' });
    const taken = { object: 'blob', repository: 'mirror/a/b', digest: 'sha256:0', bytes: 7 } as const;
    log.mirrorEvent({ upstream: 'a', kind: 'fetched', ...taken });
    log.mirrorEvent({ upstream: 'a', kind: 'hit', object: 'blob', bytes: 1 });
    assert.deepEqual(said(), [
      ['warn', { upstream: 'a', reason: 'no answer' }],
      ['warn', { upstream: 'a', reason: '429' }],
      ['info', { upstream: 'a' }],
      ['debug', { upstream: 'a', ...taken }],
    ]);
  });

  it('has one line a minute for a kind of failure of an upstream, with how often and the last reason', async () => {
    for (const reason of ['one', 'two', 'three']) log.mirrorEvent(failed('unavailable', reason));
    log.mirrorEvent(failed('denied', 'other kind'));
    log.mirrorEvent(failed('unavailable', 'other upstream', 'b'));
    log.mirrorEvent(failed('absent', 'an answer'));
    assert.deepEqual(said(), [
      ['warn', { upstream: 'a', failure: 'unavailable', reason: 'one' }],
      ['warn', { upstream: 'a', failure: 'denied', reason: 'other kind' }],
      ['warn', { upstream: 'b', failure: 'unavailable', reason: 'other upstream' }],
      ['debug', { upstream: 'a', failure: 'absent', reason: 'an answer' }],
    ]);
    await clock.advance(60 * SECOND);
    assert.deepEqual(said(), [
      ['warn', { upstream: 'a', failure: 'unavailable', reason: 'three', count: 2 }],
    ]);
    await clock.advance(600 * SECOND);
    assert.deepEqual(said(), []);
    log.mirrorEvent(failed('unavailable', 'again'));
    assert.deepEqual(said(), [['warn', { upstream: 'a', failure: 'unavailable', reason: 'again' }]]);
  });

  it('does the same with stale answers, and tells the rest when it ends', () => {
    for (const tag of ['1', '2', '3'])
      log.mirrorEvent({ upstream: 'a', kind: 'stale', repository: 'mirror/a/b', tag, reason: 'away' });
    const fields = { upstream: 'a', repository: 'mirror/a/b', reason: 'away' };
    assert.deepEqual(said(), [['warn', { ...fields, tag: '1' }]]);
    log.close();
    assert.deepEqual(said(), [['warn', { ...fields, tag: '3', count: 2 }]]);
  });
});
