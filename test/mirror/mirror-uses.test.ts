import assert from 'node:assert/strict';
import { mirrorUseKey } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { MirrorUses } from '../../src/mirror/mirror-uses.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { LogLines } from '../composition/log-lines.js';
import { withFaults } from '../registry/faulty.js';
import { DAY, FakeClock, fakeIds } from '../support/in-process.js';

const NAME = parseRepositoryName('mirror/hub.test/app');
const digest = (text: string) => digestOf(Buffer.from(text));

describe('mirror/mirror-uses', () => {
  let clock: FakeClock;
  let store: StorageDriver;
  let puts: Key[];
  let gate: Promise<void>;
  let failing: boolean;
  let log: LogLines;
  let uses: MirrorUses;
  beforeEach(() => {
    clock = new FakeClock();
    log = new LogLines();
    store = createMemoryDriver({ clock, ids: fakeIds() });
    puts = [];
    gate = Promise.resolve();
    failing = false;
    const driver = withFaults(store, {
      put: async (key, bytes, options) => {
        puts.push(key);
        await gate;
        if (failing) throw new StorageError('UNAVAILABLE', 'busy');
        return store.put(key, bytes, options);
      },
    });
    uses = new MirrorUses(driver, clock, log);
  });

  it('writes a mark once a day for each manifest', async () => {
    const key = mirrorUseKey(NAME, digest('a'));
    for (let count = 0; count < 10; count += 1) uses.note(NAME, digest('a'));
    uses.note(NAME, digest('b'));
    await uses.idle();
    assert.deepEqual(puts, [key, mirrorUseKey(NAME, digest('b'))]);
    const first = (await store.stat(key)).lastModified;
    clock.advance(DAY - 1);
    uses.note(NAME, digest('a'));
    clock.advance(1);
    uses.note(NAME, digest('a'));
    await uses.idle();
    assert.equal(puts.length, 3);
    assert.equal((await store.stat(key)).lastModified.getTime() - first.getTime(), DAY);
  });

  it('tries again where a mark could not be written, and says so at level debug', async () => {
    failing = true;
    uses.note(NAME, digest('a'));
    await uses.idle();
    assert.deepEqual(
      log.lines.map(({ level, fields }) => [level, fields['reason']]),
      [['debug', 'busy']],
    );
    failing = false;
    uses.note(NAME, digest('a'));
    await uses.idle();
    assert.equal(puts.length, 2);
    await store.stat(mirrorUseKey(NAME, digest('a')));
  });

  it('writes four at once, and remembers no more than a thousand that wait', async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    for (let count = 0; count < 3000; count += 1) uses.note(NAME, digest(`${count}`));
    assert.equal(puts.length, 4);
    open();
    await uses.idle();
    assert.equal(puts.length, 1004);
    uses.note(NAME, digest('2999'));
    await uses.idle();
    assert.equal(puts.length, 1005);
  });
});
