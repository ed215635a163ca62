import assert from 'node:assert/strict';
import type { AuditLog } from '../../src/audit/audit-log.js';
import { AuditWorld, SECOND, login, pull } from './audit-world.js';

describe('noted events', () => {
  let world: AuditWorld;
  let trail: AuditLog;
  beforeEach(() => {
    world = new AuditWorld();
    trail = world.trail();
  });

  it('are written as one object within ten seconds of the first, equal ones once with a count', async () => {
    await world.clock.advance(500);
    for (let at = 0; at < 3; at += 1) trail.note(pull({ reference: 'v1' }));
    await world.clock.advance(4 * SECOND);
    trail.note(pull({ reference: 'v2' }));
    trail.note(pull({ reference: 'v1' }));
    assert.deepEqual(world.puts, []);
    await world.clock.advance(5999);
    assert.deepEqual(await world.objects(), [
      [
        { at: '2026-01-05T09:00:00.500Z', ...pull({ reference: 'v1' }), count: 4 },
        { at: '2026-01-05T09:00:04.500Z', ...pull({ reference: 'v2' }) },
      ],
    ]);
    await world.clock.advance(60 * SECOND);
    assert.equal(world.puts.length, 1);
  });

  it('are told apart by everything but their time', async () => {
    const base = pull({ token: 't', reference: 'r', digest: 'd', target: 'x', detail: 'y' });
    const others = (
      ['by', 'token', 'from', 'repository', 'reference', 'digest', 'target', 'detail'] as const
    ).map((name) => ({ ...base, [name]: 'other' }));
    const all = [
      base,
      ...others,
      { ...base, action: 'blob.pull' as const },
      { ...base, outcome: 'failed' as const },
    ];
    for (const event of [...all, ...all]) trail.note(event);
    await world.clock.advance(10 * SECOND);
    const [events = []] = await world.objects();
    assert.deepEqual(
      events.map(({ count }) => count),
      all.map(() => 2),
    );
    assert.equal(events.length, 11);
  });

  it('fill one object in each ten seconds', async () => {
    for (let second = 0; second < 60; second += 1) {
      trail.note(pull());
      await world.clock.advance(SECOND);
    }
    await world.clock.advance(10 * SECOND);
    const objects = await world.objects();
    assert.equal(objects.length, 7);
    assert.equal(
      objects.flat().reduce((sum, { count = 1 }) => sum + count, 0),
      60,
    );
  });

  it('are written sooner when they are many', async () => {
    for (let at = 0; at < 5001; at += 1) trail.note(pull({ reference: `v${at}` }));
    await world.clock.advance(SECOND);
    assert.deepEqual(
      (await world.objects()).map((events) => events.length),
      [5000],
    );
    await world.clock.advance(9 * SECOND);
    assert.deepEqual((await world.objects()).map((events) => events.length).sort(), [1, 5000]);
  });

  it('stay when the store does not take them, and are written as they were', async () => {
    world.failing = true;
    trail.note(pull({ reference: 'v1' }));
    await world.clock.advance(20 * SECOND);
    trail.note(pull({ reference: 'v2' }));
    await assert.rejects(trail.record(login('alice')));
    await world.clock.advance(20 * SECOND);
    assert.deepEqual(await world.objects(), []);
    assert.deepEqual(world.log.lines, [
      {
        level: 'warn',
        message: 'could not write audit events; they are kept and tried again',
        fields: { reason: 'the store is away' },
      },
    ]);
    world.failing = false;
    await world.clock.advance(SECOND);
    assert.deepEqual(await world.objects(), [
      [{ at: '2026-01-05T09:00:00.000Z', ...pull({ reference: 'v1' }) }],
      [{ at: '2026-01-05T09:00:20.000Z', ...pull({ reference: 'v2' }) }],
    ]);
    // Each attempt was at the same name: an answer that got lost does not double an event.
    assert.equal(new Set(world.puts.filter((key) => key.includes('/0000000-'))).size, 1);
  });

  it('are lost from the oldest when they become too many, which is told', async () => {
    world.failing = true;
    for (let at = 0; at < 30_000; at += 1) trail.note(pull({ reference: `v${at}` }));
    await world.clock.advance(10 * SECOND);
    world.failing = false;
    await world.clock.advance(SECOND);
    const events = await world.events();
    assert.deepEqual([events.length, events[0]?.reference], [20_000, 'v10000']);
    assert.deepEqual(world.log.lines.at(-1), {
      level: 'warn',
      message: 'audit events were lost while the store took none',
      fields: { events: 10_000 },
    });
    assert.equal(world.log.lines.filter(({ message }) => message.includes('dropped')).length, 1);
  });

  it('do not share an object with much older ones, though the timer is late', async () => {
    trail.note(pull({ reference: 'v1' }));
    world.clock.jump(10 * SECOND);
    trail.note(pull({ reference: 'v2' }));
    await trail.close();
    assert.equal((await world.objects()).length, 2);
  });

  it('die with the process: at most ten seconds of them', async () => {
    for (let second = 0; second < 35; second += 1) {
      trail.note(pull({ reference: `v${second}` }));
      await world.clock.advance(SECOND);
    }
    // The process is gone: only what the store has counts.
    const last = Date.parse((await world.events()).at(-1)?.at ?? '');
    assert.ok(world.clock.now() - last <= 10 * SECOND, `${world.clock.now() - last} ms`);
  });
});
