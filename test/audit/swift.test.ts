import assert from 'node:assert/strict';
import { AuditHistory } from '../../src/audit/audit-history.js';
import { AuditLog } from '../../src/audit/audit-log.js';
import { purgeAudit } from '../../src/audit/purge-audit.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { systemIds } from '../../src/composition/system.js';
import { LogLines } from '../composition/log-lines.js';
import { eachOnSwift } from '../support/swift-store.js';
import { HOUR, ManualClock, NINE, SECOND, eventsIn, login, pull } from './audit-world.js';

describe('the audit trail in Swift', () => {
  let driver: StorageDriver;
  eachOnSwift((made) => {
    driver = made.driver;
  });

  it('is written, read by time and page, and forgotten', async () => {
    const clock = new ManualClock();
    const trail = new AuditLog({ driver, clock, ids: systemIds, log: new LogLines() }, { strict: [] });
    for (const by of ['a', 'b', 'c', 'd']) {
      await trail.record(login(by));
      await trail.record(login(by));
      clock.jump(40 * 60 * SECOND);
    }
    trail.note(pull());
    trail.note(pull());
    await trail.close();
    const who = async (from: number, to: number) =>
      (await eventsIn(driver, { from, to })).map(({ by }) => by);
    assert.deepEqual(await who(0, NINE + 24 * HOUR), ['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd', 'alice']);
    assert.deepEqual(await who(NINE + HOUR, NINE + 2 * HOUR), ['c', 'c']);
    assert.deepEqual(await who(NINE + HOUR + 20 * 60 * SECOND, NINE + 2 * HOUR + 1), ['c', 'c', 'd', 'd']);
    const history = new AuditHistory(driver);
    const ever = { from: 0, to: NINE + 24 * HOUR };
    const { items, next } = await history.page(ever, { limit: 3 });
    assert.deepEqual(
      items.map(({ by }) => by),
      ['a', 'a', 'b'],
    );
    clock.jump(HOUR);
    // It is past twelve: nine o'clock ended two hours ago.
    assert.deepEqual(await purgeAudit(driver, clock, 2 * HOUR), { objects: 4 });
    const rest = await history.page(ever, { limit: 100, ...(next !== undefined && { after: next }) });
    assert.deepEqual(
      rest.items.map(({ by, count }) => [by, count]),
      [
        ['c', undefined],
        ['c', undefined],
        ['d', undefined],
        ['d', undefined],
        ['alice', 2],
      ],
    );
  });
});
