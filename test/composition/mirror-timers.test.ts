import assert from 'node:assert/strict';
import { processLocks } from '../../src/composition/locks.js';
import { startMirrorPurgeTimer } from '../../src/composition/mirror-purge-timer.js';
import { alreadyOpen } from '../../src/composition/store-opener.js';
import { startWarmTimer } from '../../src/composition/warm-timer.js';
import { mirrorUpstreamKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { Locker } from '../../src/ports/locker.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { ImageWorld } from '../admin/image-world.js';
import { ManualClock, SECOND, settled } from '../audit/audit-world.js';
import { load } from '../config/load.js';
import { EMPTY_JSON } from '../http/content.js';
import { runningSmallMirror, IMAGE, LAYER, SmallUpstream } from '../mirror/small-mirror.js';
import { withFaults } from '../registry/faulty.js';
import { DAY } from '../support/in-process.js';
import { LogLines } from './log-lines.js';

const HOUR = 3600 * SECOND;

describe('composition/warm-timer', () => {
  let clock: ManualClock;
  let log: LogLines;
  let source: SmallUpstream;
  let running: ReturnType<typeof runningSmallMirror>;
  let locker: Locker;
  beforeEach(async () => {
    clock = new ManualClock();
    log = new LogLines();
    locker = processLocks();
    const { registry, driver, readOnly, store } = await ImageWorld.open('memory');
    source = new SmallUpstream(store.clock, store.ids);
    running = runningSmallMirror({ registry, driver, readOnly, clock, ids: store.ids, source });
  });
  const start = (images: readonly string[], every = HOUR): (() => void) =>
    startWarmTimer(
      running,
      { images: [...images], platforms: ['linux/amd64'], every },
      { clock, locker, log },
    );
  const said = () =>
    log.lines.splice(0).map(({ level, fields }) => [level, fields['image'], fields['reason']]);

  it('warms up at once and then again and again, one line a failure', async () => {
    start(['hub.test/library/app:2', 'gone.test/app:1', 'hub.test/library/app:1']);
    for (let turn = 0; turn < 10; turn += 1) await settled();
    const [missing, unknown, done, ...more] = said();
    assert.deepEqual(missing?.slice(0, 2), ['warn', 'hub.test/library/app:2']);
    assert.deepEqual(unknown?.slice(0, 2), ['warn', 'gone.test/app:1']);
    assert.deepEqual(done, ['info', 'hub.test/library/app:1', undefined]);
    assert.deepEqual(more, []);
    source.failure = new RegistryError('UNAVAILABLE', 'hub.test is away');
    await clock.advance(HOUR);
    assert.deepEqual(said().at(-1), ['warn', 'hub.test/library/app:1', 'hub.test is away']);
    source.failure = undefined;
    await clock.advance(HOUR);
    assert.deepEqual(said().at(-1), ['debug', 'hub.test/library/app:1', undefined]);
  });

  it('begins none while one runs, and none after it was stopped', async () => {
    let open = (): void => undefined;
    source.gate = new Promise((resolve) => (open = resolve));
    const stop = start(['hub.test/library/app:1']);
    await settled();
    await clock.advance(3 * HOUR);
    assert.equal(source.taken.filter((text) => text === '1').length, 1);
    stop();
    open();
    await clock.advance(3 * HOUR);
    assert.equal(source.taken.filter((text) => text === '1').length, 1);
  });

  it('is one for all workers of a server; another begins when it ends', async () => {
    const stops = [1, 2, 3].map(() => start(['hub.test/library/app:1']));
    const taken = () => source.taken.filter((text) => text === '1').length;
    for (let turn = 0; turn < 10; turn += 1) await settled();
    assert.equal(taken(), 1);
    await clock.advance(HOUR);
    assert.equal(taken(), 2);
    stops[1]?.();
    stops[0]?.();
    for (let turn = 0; turn < 10; turn += 1) await settled();
    assert.equal(taken(), 3);
    await clock.advance(HOUR);
    assert.equal(taken(), 4);
  });

  it('does nothing where it is switched off', async () => {
    start(['hub.test/library/app:1'], 0);
    start([]);
    await clock.advance(3 * HOUR);
    assert.deepEqual(source.taken, []);
  });
});

describe('composition/mirror-purge-timer', () => {
  const NAME = parseRepositoryName('mirror/hub.test/library/app');
  const CONFIG = load({ env: { STACKYARD_AUTH_MODE: 'token', STACKYARD_MIRROR_KEEP: '2d' } });
  let clock: ManualClock;
  let log: LogLines;
  let world: ImageWorld;
  beforeEach(async () => {
    log = new LogLines();
    world = await ImageWorld.open('memory');
    clock = new ManualClock(world.store.clock.now());
    await world.push(NAME, IMAGE, { tags: ['1'], blobs: [EMPTY_JSON, LAYER] });
    await world.driver.put(mirrorUpstreamKey('hub.test'), new Uint8Array());
  });
  const start = (driver = world.driver, config = CONFIG): (() => void) =>
    startMirrorPurgeTimer(
      alreadyOpen({ driver, format: { version: 1, origin: 'stackyard', shared: false } }),
      config,
      clock,
      log,
    );
  const settling = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await settled();
  };
  const said = () =>
    log.lines.splice(0).map(({ level, fields }) => [level, fields['manifests'], fields['reason']]);

  it('removes what was not used for so long, once a day', async () => {
    const stop = start();
    await settling();
    await clock.advance(2 * DAY);
    await settling();
    assert.deepEqual(said(), Array(3).fill(['info', 0, undefined]));
    await clock.advance(DAY);
    await settling();
    assert.deepEqual(said(), [['info', 1, undefined]]);
    stop();
    await clock.advance(3 * DAY);
    assert.deepEqual(said(), []);
  });

  it('tells where it may not, or cannot', async () => {
    await world.readOnly.set({ by: 'root', reason: 'a backup' });
    start();
    await settling();
    assert.deepEqual(said(), [['info', undefined, 'the registry is read-only: a backup']]);
    await world.readOnly.clear();
    const list = (): Promise<never> => Promise.reject(new StorageError('UNAVAILABLE', 'busy'));
    start(withFaults(world.driver, { list }));
    await settling();
    assert.deepEqual(said(), [['error', undefined, 'busy']]);
  });

  it('does nothing where all is kept for ever', async () => {
    start(world.driver, load({ env: { STACKYARD_AUTH_MODE: 'token' } }));
    await settling();
    assert.deepEqual(said(), []);
  });
});
