import assert from 'node:assert/strict';
import type { AuditLog } from '../../src/audit/audit-log.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { AuditWorld, SECOND, login, pull, settled } from './audit-world.js';

describe('audit log', () => {
  let world: AuditWorld;
  let trail: AuditLog;
  beforeEach(() => {
    world = new AuditWorld();
    trail = world.trail();
  });

  it('never puts an event into an object that is named by a later time: clocks are set back', async () => {
    const release = world.hold();
    const first = trail.record(login('first'));
    await settled();
    const second = trail.record(login('second'));
    trail.note(pull({ reference: 'v1' }));
    world.clock.jump(-1);
    const third = trail.record(login('third'));
    trail.note(pull({ reference: 'v2' }));
    release();
    await Promise.all([first, second, third, trail.close()]);
    const names = (await world.objects()).map((events) => events.map(({ by, reference = by }) => reference));
    assert.deepEqual(names.sort(), [['first'], ['second'], ['third'], ['v1'], ['v2']]);
  });

  describe('close', () => {
    it('writes what is noted and waits for what is being recorded', async () => {
      const release = world.hold();
      const recorded = trail.record(login('alice'));
      trail.note(pull());
      const closed = trail.close();
      await settled();
      release();
      await closed;
      await recorded;
      assert.deepEqual(
        (await world.objects()).flat().map(({ action }) => action),
        ['login', 'manifest.pull'],
      );
      trail.note(pull({ reference: 'late' }));
      await world.clock.advance(60 * SECOND);
      assert.equal(world.puts.length, 2);
    });

    it('waits for what is being recorded alone', async () => {
      const release = world.hold();
      const recorded = trail.record(login('alice'));
      let closed = false;
      const closing = trail.close().then(() => (closed = true));
      await settled();
      assert.equal(closed, false);
      release();
      await Promise.all([closing, recorded]);
    });

    it('gives up after a while and tells what was lost', async () => {
      const release = world.hold();
      trail.note(pull());
      trail.note(pull({ reference: 'v1' }));
      await trail.close(1);
      assert.deepEqual(world.log.lines, [
        {
          level: 'warn',
          message: 'audit events were lost: the store did not take them in time',
          fields: { events: 2 },
        },
      ]);
      release();
    });

    it('tells what a failing store did not take', async () => {
      world.failing = true;
      trail.note(pull());
      await trail.close();
      assert.deepEqual(world.log.lines.at(-1)?.fields, { events: 1 });
    });

    it('writes nothing where there is nothing', async () => {
      await world.clock.advance(60 * SECOND);
      await trail.close();
      assert.deepEqual(world.puts, []);
    });
  });

  it('is strict for the repositories that the patterns name', () => {
    const strict = world.trail('secret/**', 'team/*-prod');
    const isStrict = (text: string): boolean => strict.isStrict(parseRepositoryName(text));
    assert.deepEqual(['secret/a', 'secret/a/b', 'team/x-prod', 'team/x', 'a'].map(isStrict), [
      true,
      true,
      true,
      false,
      false,
    ]);
    assert.equal(trail.isStrict(parseRepositoryName('secret/a')), false);
  });
});
