import assert from 'node:assert/strict';
import { AuditHistory } from '../../src/audit/audit-history.js';
import { encodeEvents } from '../../src/audit/audit-object.js';
import { auditKey } from '../../src/domain/keys.js';
import type { AuditEvent, AuditQuery, NewAuditEvent } from '../../src/ports/audit.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import { withFaults } from '../registry/faulty.js';
import { STORE_NAMES, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { EVER, HOUR, NINE, SECOND, eventsIn, login, pull } from './audit-world.js';

for (const name of STORE_NAMES) {
  describe(`audit history [${name}]`, () => {
    let store: TestStore;
    let driver: StorageDriver;
    let unique = 0;
    beforeEach(async () => {
      store = await openStore(name);
      driver = store.driver();
    });
    afterEach(() => store.remove());

    /** An object of events at those times after nine; the first names it. */
    const put = async (
      ...events: readonly (NewAuditEvent & { readonly after: number })[]
    ): Promise<string> => {
      const lines = events.map(({ after, ...event }): AuditEvent => ({ at: iso(NINE + after), ...event }));
      const at = lines[0]?.at ?? '';
      const key = auditKey(
        at.slice(0, 13),
        `${at.slice(14, -1).replaceAll(/[:.]/g, '')}-id${String((unique += 1)).padStart(3, '0')}`,
      );
      await driver.put(key, encodeEvents(lines));
      return key;
    };
    const references = async (query: AuditQuery, after?: string): Promise<readonly (string | undefined)[]> =>
      (await eventsIn(driver, query, after)).map(({ reference }) => reference);

    it('tells everything in the order of its objects, over hours without any', async () => {
      await put({ ...pull({ reference: 'day' }), after: 24 * HOUR });
      await put(
        { ...pull({ reference: 'a' }), after: 0 },
        { ...pull({ reference: 'b' }), after: 9 * SECOND },
      );
      await put({ ...pull({ reference: 'c' }), after: 59 * 60 * SECOND });
      await put({ ...pull({ reference: 'd' }), after: 5 * HOUR });
      assert.deepEqual(await references(EVER), ['a', 'b', 'c', 'd', 'day']);
      const [first] = await eventsIn(driver);
      assert.deepEqual(first, { at: '2026-01-05T09:00:00.000Z', ...pull({ reference: 'a' }) });
    });

    it('is empty where nothing was done', async () => {
      assert.deepEqual(await references(EVER), []);
      assert.deepEqual(await new AuditHistory(driver).page(EVER, { limit: 10 }), { items: [] });
    });

    it('cuts by time to the millisecond, also where an object began in the hour before', async () => {
      await put(
        { ...pull({ reference: 'before' }), after: HOUR - 9999 },
        { ...pull({ reference: 'last' }), after: HOUR - 1 },
        { ...pull({ reference: 'first' }), after: HOUR },
      );
      await put({ ...pull({ reference: 'second' }), after: HOUR + 1 });
      assert.deepEqual(await references({ from: NINE + HOUR, to: NINE + 2 * HOUR }), ['first', 'second']);
      assert.deepEqual(await references({ from: NINE, to: NINE + HOUR }), ['before', 'last']);
      assert.deepEqual(await references({ from: NINE + HOUR - 1, to: NINE + HOUR + 1 }), ['last', 'first']);
      assert.deepEqual(await references({ from: NINE + HOUR, to: NINE + HOUR }), []);
    });

    it('is asked for by principal, repository and action, exactly', async () => {
      await put(
        { ...login('alice'), after: 0 },
        { ...pull({ by: 'alice', repository: 'team/a', reference: '1' }), after: 1 },
        { ...pull({ by: 'alice2', repository: 'team/a', reference: '2' }), after: 2 },
        { ...pull({ by: 'alice', repository: 'team/ab', reference: '3' }), after: 3 },
        { ...pull({ by: '', action: 'blob.pull', repository: 'team/a', reference: '4' }), after: 4 },
      );
      assert.deepEqual(await references({ ...EVER, by: 'alice' }), [undefined, '1', '3']);
      assert.deepEqual(await references({ ...EVER, by: '' }), ['4']);
      assert.deepEqual(await references({ ...EVER, repository: 'team/a' }), ['1', '2', '4']);
      assert.deepEqual(await references({ ...EVER, action: 'login' }), [undefined]);
      assert.deepEqual(await references({ ...EVER, by: 'alice', repository: 'team/a' }), ['1']);
    });

    it('reads no more than the hours and objects of the time', async () => {
      for (let hour = 0; hour < 6; hour += 1) {
        for (const minute of [0, 20, 40]) {
          await put({
            ...pull({ reference: `${hour}:${minute}` }),
            after: hour * HOUR + minute * 60 * SECOND,
          });
        }
      }
      const calls = { list: 0, read: 0 };
      const counted = withFaults(driver, {
        list: (options) => ((calls.list += 1), driver.list(options)),
        read: (key) => ((calls.read += 1), driver.read(key)),
      });
      const from = NINE + 2 * HOUR + 20 * 60 * SECOND;
      const found = await eventsIn(counted, { from, to: from + HOUR });
      assert.deepEqual(
        found.map(({ reference }) => reference),
        ['2:20', '2:40', '3:0'],
      );
      assert.deepEqual(calls, { list: 3, read: 3 });
    });

    it('comes in pages that go on where the last one ended, in the middle of an object too', async () => {
      const all: string[] = [];
      for (let object = 0; object < 5; object += 1) {
        const events = Array.from({ length: object + 1 }, (_, line) => `${object}-${line}`);
        all.push(...events);
        await put(
          ...events.map((reference) => ({ ...pull({ reference }), after: object * 40 * 60 * SECOND })),
        );
      }
      const history = new AuditHistory(driver);
      for (const limit of [1, 2, 4, 14, 15, 16]) {
        const found: (string | undefined)[] = [];
        let after: string | undefined;
        let pages = 0;
        do {
          const page = await history.page(EVER, { limit, ...(after !== undefined && { after }) });
          assert.ok(page.items.length <= limit);
          found.push(...page.items.map(({ reference }) => reference));
          after = page.next;
          pages += 1;
        } while (after !== undefined);
        assert.deepEqual(found, all, `limit ${limit}`);
        assert.equal(pages, Math.ceil(15 / limit));
      }
    });

    it('goes on after a cursor whose object is gone', async () => {
      const key = await put(
        { ...pull({ reference: 'a' }), after: 0 },
        { ...pull({ reference: 'b' }), after: 1 },
      );
      await put({ ...pull({ reference: 'c' }), after: 2 });
      await put({ ...pull({ reference: 'd' }), after: 3 * HOUR });
      const { items, next } = await new AuditHistory(driver).page(EVER, { limit: 1 });
      assert.equal(items[0]?.reference, 'a');
      assert.deepEqual(await references(EVER, next), ['b', 'c', 'd']);
      await driver.delete(key as Parameters<typeof driver.delete>[0]);
      assert.deepEqual(await references(EVER, next), ['c', 'd']);
    });

    it('tells objects of one moment apart by their names', async () => {
      for (const reference of ['a', 'b', 'c']) await put({ ...pull({ reference }), after: 0 });
      const history = new AuditHistory(driver);
      const { next = '' } = await history.page(EVER, { limit: 2 });
      assert.deepEqual(await references(EVER, next), ['c']);
    });

    it('refuses a cursor that it did not make', async () => {
      const history = new AuditHistory(driver);
      const forged = [
        '',
        'x',
        '2026',
        text('2026-01-05T09/0000000-a'),
        text('2026-01-05T09/0000000-a#-1'),
        text('../../x#0'),
      ];
      for (const after of [...forged, `${text('2026-01-05T09/0000000-a#0')}=`, 'A'.repeat(100_000)]) {
        await assert.rejects(history.page(EVER, { limit: 1, after }), InvalidValue, after.slice(0, 60));
        await assert.rejects(eventsIn(driver, EVER, after), InvalidValue);
      }
    });

    it('names an object that is damaged instead of leaving it out', async () => {
      await put({ ...pull({ reference: 'a' }), after: 0 });
      const whole = encodeEvents([{ at: iso(NINE), ...pull() }]);
      const torn: readonly (readonly [Buffer, RegExp])[] = [
        [whole.subarray(0, 30), /its last line has no end/],
        [Buffer.concat([whole, Buffer.from('{"at":\n')]), /line 2 is not JSON/],
        [Buffer.concat([whole, Buffer.from('[]\n')]), /line 2 is no event/],
        [Buffer.from('null\n'), /line 1 is no event/],
        [Buffer.from('{"at":"some day","action":"login"}\n'), /line 1 is no event/],
      ];
      const key = auditKey('2026-01-05T10', '0000000-torn');
      for (const [bytes, why] of torn) {
        await driver.put(key, bytes);
        const failure = await eventsIn(driver).catch((error: unknown) => error);
        assert.ok(failure instanceof StorageError);
        assert.equal(failure.code, 'UNAVAILABLE');
        assert.ok(failure.message.includes(key), failure.message);
        assert.match(failure.message, why);
      }
      assert.deepEqual(await references({ from: NINE, to: NINE + HOUR }), ['a']);
    });

    it('names an object that cannot be read, and passes over one that was purged meanwhile', async () => {
      const key = await put({ ...pull({ reference: 'a' }), after: 0 });
      await put({ ...pull({ reference: 'b' }), after: 1 });
      const reading = (code: 'UNAVAILABLE' | 'NOT_FOUND') =>
        withFaults(driver, {
          read: async (asked) => {
            if (asked !== key) return driver.read(asked);
            throw new StorageError(code, 'no answer', { retryAfter: 7 });
          },
        });
      const failure = await eventsIn(reading('UNAVAILABLE')).catch((error: unknown) => error);
      assert.ok(failure instanceof StorageError);
      assert.equal(failure.message, `the audit object ${key} cannot be read: no answer`);
      assert.equal(failure.retryAfter, 7);
      assert.deepEqual(
        (await eventsIn(reading('NOT_FOUND'))).map(({ reference }) => reference),
        ['b'],
      );
    });

    it('reads 16 objects at once and never more than it needs to hold', async () => {
      for (let object = 0; object < 40; object += 1)
        await put({ ...pull({ reference: `${object}` }), after: object });
      let reading = 0;
      let most = 0;
      const watched = withFaults(driver, {
        read: async (key) => {
          most = Math.max(most, (reading += 1));
          await new Promise((done) => setImmediate(done));
          const bytes = await driver.read(key);
          reading -= 1;
          return bytes;
        },
      });
      assert.equal((await eventsIn(watched)).length, 40);
      assert.equal(most, 16);
      most = 0;
      const large = withFaults(watched, {
        list: async (options) => {
          const listing = await driver.list(options);
          return {
            ...listing,
            objects: listing.objects.map((object) => ({ ...object, size: 6 * 1024 * 1024 })),
          };
        },
      });
      assert.equal((await eventsIn(large)).length, 40);
      assert.equal(most, 2);
    });

    it('ends a page after 2,000 objects, though none matched', async function () {
      this.timeout(30_000);
      const history = new AuditHistory(
        withFaults(driver, { read: async () => encodeEvents([{ at: iso(NINE), ...pull() }]) }),
      );
      for (let object = 0; object < 2001; object += 1)
        await driver.put(auditKey('2026-01-05T09', `${String(object).padStart(7, '0')}-a`), Buffer.alloc(1));
      const query = { ...EVER, by: 'nobody' };
      const { items, next } = await history.page(query, { limit: 10 });
      assert.deepEqual(items, []);
      assert.ok(next);
      assert.deepEqual(await history.page(query, { limit: 10, after: next }), { items: [] });
    });
  });
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function text(plain: string): string {
  return Buffer.from(plain).toString('base64url');
}
