import assert from 'node:assert/strict';
import { startPurgeTimer } from '../../src/composition/purge-timer.js';
import { alreadyOpen } from '../../src/composition/store-opener.js';
import { idempotencyKey, mirrorFetchKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import { AuditWorld, HOUR, login, settled } from './audit-world.js';

const DAY = 24 * HOUR;
const TIMES = { purgeEvery: DAY, purgeAfter: 8 * DAY, auditKeep: 2 * DAY };

describe('purge timer: audit events and kept answers', () => {
  let world: AuditWorld;
  beforeEach(async () => {
    world = new AuditWorld();
    const trail = world.trail();
    await trail.record(login('alice'));
    await trail.close();
    await world.store.put(idempotencyKey('x'), Buffer.from('{}'));
    const name = parseRepositoryName('mirror/a/b');
    await world.store.put(mirrorFetchKey(name, digestOf(Buffer.from('x'))), Buffer.from('{}'));
  });

  const start = (driver: StorageDriver, times = TIMES): (() => void) =>
    startPurgeTimer(
      alreadyOpen({ driver, format: { version: 1, origin: 'stackyard', shared: true } }),
      times,
      world.clock,
      world.log,
    );
  /** Beside what the log tells of dead uploads. */
  const said = () =>
    world.log.lines
      .filter(({ message }) => !message.includes('dead uploads'))
      .map(({ level, message, fields }) => [level, message, fields]);

  it('go when their time is over, on a shared store too', async () => {
    start(world.store);
    await settled();
    assert.deepEqual(said(), [['info', 'purged old audit events', { objects: 0 }]]);
    world.log.lines.length = 0;
    await world.clock.advance(3 * DAY);
    assert.deepEqual(said(), [
      ['info', 'purged old audit events', { objects: 0 }],
      ['info', 'purged dead fetches of the mirror', { records: 1 }],
      ['info', 'purged old audit events', { objects: 0 }],
      ['info', 'purged kept answers', { answers: 1 }],
      ['info', 'purged old audit events', { objects: 1 }],
    ]);
    assert.deepEqual(await world.events(), []);
  });

  it('stay for ever where events are kept for ever', async () => {
    world.clock.jump(1000 * DAY);
    start(world.store, { ...TIMES, auditKeep: 0 });
    await settled();
    assert.deepEqual(said(), [
      ['info', 'purged kept answers', { answers: 1 }],
      ['info', 'purged dead fetches of the mirror', { records: 1 }],
    ]);
    assert.equal((await world.events()).length, 1);
  });

  it('are left for the next time where the store fails, and the log tells', async () => {
    world.clock.jump(10 * DAY);
    const error = new StorageError('UNAVAILABLE', 'busy');
    start(withFaults(world.store, { deleteMany: async (keys) => keys.map((key) => ({ key, error })) }));
    await settled();
    const failed = { count: 1, reason: 'busy' };
    assert.deepEqual(said(), [
      ['warn', 'purged old audit events, but not all; the rest later', { objects: 0, failed }],
      ['warn', 'purged kept answers, but not all; the rest later', { answers: 0, failed }],
      ['warn', 'purged dead fetches of the mirror, but not all; the rest later', { records: 0, failed }],
    ]);
    world.log.lines.length = 0;
    start(withFaults(world.store, { list: () => Promise.reject(error) }));
    await settled();
    assert.deepEqual(said(), [
      ['error', 'the purge of audit events failed; it runs again later', { reason: 'busy' }],
      ['error', 'the purge of kept answers failed; it runs again later', { reason: 'busy' }],
      ['error', 'the purge of dead fetches of the mirror failed; it runs again later', { reason: 'busy' }],
    ]);
  });
});
