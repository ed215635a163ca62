import assert from 'node:assert/strict';
import { AuditLog } from '../../src/audit/audit-log.js';
import { createTelemetry } from '../../src/composition/telemetry.js';
import { AUDIT_PREFIX } from '../../src/domain/keys.js';
import { instrumented } from '../../src/storage/instrumented.js';
import { AuditWorld, SECOND, login, pull, settled } from './audit-world.js';

describe('recorded events', () => {
  let world: AuditWorld;
  let trail: AuditLog;
  beforeEach(() => {
    world = new AuditWorld();
    trail = world.trail();
  });

  it('are durable before anybody goes on', async () => {
    const release = world.hold();
    let done = false;
    const recorded = trail.record(login('alice')).then(() => (done = true));
    await settled();
    assert.deepEqual([world.puts.length, done], [1, false]);
    release();
    await recorded;
    assert.deepEqual(await world.objects(), [[{ at: '2026-01-05T09:00:00.000Z', ...login('alice') }]]);
  });

  it('lie under their hour and time, in objects of their own', async () => {
    await world.clock.advance(61_007);
    await trail.record(login('alice'));
    await trail.record(login('bob'));
    const names = world.puts.map((key) => key.slice(AUDIT_PREFIX.length));
    for (const name of names) assert.match(name, /^2026-01-05T09\/0101007-[a-z0-9]{26}$/);
    assert.equal(new Set(names).size, 2);
  });

  it('that come while one is written go into the next together', async () => {
    const release = world.hold();
    const first = trail.record(login('first'));
    await settled();
    const others = Array.from({ length: 100 }, (_, at) => trail.record(login(`user${at}`)));
    await settled();
    assert.equal(world.puts.length, 1);
    release();
    await Promise.all([first, ...others]);
    assert.deepEqual(
      (await world.objects()).map((events) => events.length),
      [1, 100],
    );
  });

  it('count as storage requests of whoever began their object', async () => {
    const telemetry = createTelemetry();
    const counting = new AuditLog(
      { ...world, driver: instrumented(world.driver, telemetry) },
      { strict: [] },
    );
    const counts = [0, 1, 2].map(() => ({ requests: 0 }));
    const release = world.hold();
    const all: Promise<void>[] = [];
    for (const count of counts) {
      telemetry.run(count, () => all.push(counting.record(login('alice'))));
      telemetry.run(count, () => counting.note(pull()));
      await settled();
    }
    release();
    await Promise.all(all);
    await world.clock.advance(10 * SECOND);
    assert.equal(world.puts.length, 3);
    assert.deepEqual(
      counts.map(({ requests }) => requests),
      [1, 1, 0],
    );
  });

  it('that could not be written all fail, and those after them do not', async () => {
    const release = world.hold();
    world.failing = true;
    const first = trail.record(login('first'));
    await settled();
    const others = [trail.record(login('a')), trail.record(login('b'))];
    release();
    for (const each of [first, ...others]) await assert.rejects(each, { code: 'UNAVAILABLE' });
    assert.equal(world.puts.length, 2);
    world.failing = false;
    await trail.record(login('c'));
    assert.deepEqual(
      (await world.events()).map(({ by }) => by),
      ['c'],
    );
  });

  it('that wait for long do not share an object with much younger ones', async () => {
    const release = world.hold();
    const all = [trail.record(login('first'))];
    await settled();
    all.push(trail.record(login('a')));
    await world.clock.advance(10 * SECOND);
    all.push(trail.record(login('b')));
    release();
    await Promise.all(all);
    assert.deepEqual(
      (await world.objects()).map((events) => events.map(({ by }) => by)),
      [['first'], ['a'], ['b']],
    );
  });
});
