import assert from 'node:assert/strict';
import { KeyRing } from '../../src/admin/key-ring.js';
import { SigningKeys } from '../../src/auth/signing-keys.js';
import { DAY, openStore, type TestStore } from '../support/in-process.js';

const MINUTE = 60_000;

describe('key ring', () => {
  let store: TestStore;
  let keys: SigningKeys;
  let ring: KeyRing;
  beforeEach(async () => {
    store = await openStore('memory');
    keys = new SigningKeys(store.driver(), store.clock);
    ring = new KeyRing(keys, store.clock, DAY);
  });
  afterEach(() => store.remove());

  const rotate = async (after = 0): Promise<{ created: string; removed: readonly string[] }> => {
    store.clock.advance(after);
    return ring.rotate({ now: false });
  };

  it('signs with the new key, on every node within a minute', async () => {
    const other = new SigningKeys(store.driver(), store.clock);
    const first = await other.current();
    const { created } = await rotate(1000);
    assert.equal((await keys.current()).id, created);
    assert.equal((await other.find(first.id))?.id, first.id);
    store.clock.advance(MINUTE);
    assert.equal((await other.current()).id, created);
  });

  it('counts the end of a key from its successor, not from its own beginning', async () => {
    const first = await rotate();
    const second = await rotate(30 * DAY);
    assert.deepEqual(second.removed, [], 'it signed until this moment');
    const third = await rotate(DAY);
    assert.deepEqual(third.removed, [], 'another node may have signed with it a minute longer');
    const fourth = await rotate(5 * MINUTE);
    assert.deepEqual(fourth.removed, [first.created]);
    assert.deepEqual(
      (await ring.list()).map(({ id }) => id),
      [fourth.created, third.created, second.created],
    );
    const fifth = await rotate(2 * DAY);
    assert.deepEqual([...fifth.removed].sort(), [second.created, third.created].sort());
  });

  it('tells until when a key is needed', async () => {
    await rotate();
    await rotate(1000);
    const madeAt = store.clock.now();
    const [newest, older] = await ring.list();
    assert.deepEqual([newest?.signs, newest?.neededUntil, older?.signs], [true, undefined, false]);
    assert.equal(Date.parse(older?.neededUntil ?? ''), madeAt + DAY + 2 * MINUTE);
  });

  it('at once removes all others', async () => {
    const first = await rotate();
    const second = await rotate(1000);
    store.clock.advance(1000);
    const { created, removed } = await ring.rotate({ now: true });
    assert.deepEqual(removed, [second.created, first.created]);
    assert.deepEqual(
      (await ring.list()).map(({ id }) => id),
      [created],
    );
    assert.equal(await keys.find(first.created), undefined);
  });
});
