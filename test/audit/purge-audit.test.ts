import assert from 'node:assert/strict';
import { purgeAudit } from '../../src/audit/purge-audit.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { listedKey } from '../../src/domain/keys.js';
import { withFaults } from '../registry/faulty.js';
import { AuditWorld, HOUR, SECOND, login } from './audit-world.js';

const DAY = 24 * HOUR;

describe('retention of audit events', () => {
  let world: AuditWorld;
  beforeEach(async () => {
    world = new AuditWorld();
    const trail = world.trail();
    for (const by of ['a', 'b', 'c']) {
      await trail.record(login(by));
      world.clock.jump(40 * 60 * SECOND);
    }
    // It is eleven.
  });
  const left = async () => (await world.events()).map(({ by }) => by);

  it('removes whole hours that ended more than the time ago', async () => {
    const { clock, store } = world;
    clock.jump(DAY - HOUR);
    assert.deepEqual(await purgeAudit(store, clock, DAY), { objects: 0 });
    clock.jump(1);
    assert.deepEqual(await purgeAudit(store, clock, DAY), { objects: 2 });
    assert.deepEqual(await left(), ['c']);
    clock.jump(HOUR);
    assert.deepEqual(await purgeAudit(store, clock, DAY), { objects: 1 });
    assert.deepEqual(await left(), []);
    assert.deepEqual(await purgeAudit(store, clock, DAY), { objects: 0 });
  });

  it('removes nothing where everything is to be kept', async () => {
    world.clock.jump(1000 * DAY);
    assert.deepEqual(await purgeAudit(world.store, world.clock, 0), { objects: 0 });
    assert.deepEqual(await left(), ['a', 'b', 'c']);
  });

  it('leaves what is not of the trail', async () => {
    await world.store.put(listedKey('stackyard/v1/audit/notes/x'), Buffer.from('x'));
    await world.store.put(listedKey('stackyard/v1/audit/2026-99-05T09/x'), Buffer.from('x'));
    world.clock.jump(1000 * DAY);
    assert.deepEqual(await purgeAudit(world.store, world.clock, DAY), { objects: 3 });
    await world.store.stat(listedKey('stackyard/v1/audit/notes/x'));
    await world.store.stat(listedKey('stackyard/v1/audit/2026-99-05T09/x'));
  });

  it('tells what could not be removed, which goes the next time', async () => {
    world.clock.jump(1000 * DAY);
    const clumsy = withFaults(world.store, {
      deleteMany: async (keys) => {
        const [first, ...others] = keys;
        await world.store.deleteMany(others);
        return first === undefined ? [] : [{ key: first, error: new StorageError('UNAVAILABLE', 'busy') }];
      },
    });
    assert.deepEqual(await purgeAudit(clumsy, world.clock, DAY), {
      objects: 1,
      failed: { count: 2, reason: 'busy' },
    });
    assert.deepEqual(await purgeAudit(world.store, world.clock, DAY), { objects: 2 });
  });
});
