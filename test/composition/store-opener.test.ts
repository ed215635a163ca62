import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartError } from '../../src/composition/listen.js';
import { startPurgeTimer } from '../../src/composition/purge-timer.js';
import { processLocks } from '../../src/composition/locks.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import { assembleServer, type ComposedServer } from '../../src/composition/server.js';
import { StoreOutage, openStoreOf } from '../../src/composition/store.js';
import type { OpenStore } from '../../src/composition/store.js';
import { OPENER_TIMES, OpeningStore } from '../../src/composition/store-opener.js';
import { createTelemetry } from '../../src/composition/telemetry.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { loadConfig } from '../../src/config/index.js';
import type { Clock } from '../../src/ports/clock.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { failing } from '../http/failing-driver.js';
import { openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { LogLines } from './log-lines.js';

/** Its timers go off when the test says so. */
class ManualClock implements Clock {
  private timers: { milliseconds: number; callback: () => void }[] = [];

  now(): number {
    return Date.now();
  }

  every(milliseconds: number, callback: () => void): () => void {
    const timer = { milliseconds, callback };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  }

  /** The periods of the timers that run. */
  get running(): readonly number[] {
    return this.timers.map(({ milliseconds }) => milliseconds);
  }

  async fire(): Promise<void> {
    for (const { callback } of [...this.timers]) callback();
    await settled();
  }
}

/** Lets everything happen that waits for nothing outside this process. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('composition/store-opener', () => {
  let clock: ManualClock;
  let log: LogLines;
  let closed: number;
  let created: number;
  /** What the next attempts come to. */
  let outcome: () => Promise<OpenStore>;

  const driver = { close: async () => void (closed += 1) } as unknown as StorageDriver;
  const store: OpenStore = { driver, format: { version: 1, origin: 'stackyard', shared: false } };
  const outage = (reason: string): StoreOutage =>
    new StoreOutage(reason, new StorageError('UNAVAILABLE', reason, { retryAfter: 9 }));
  const start = (): Promise<OpeningStore> =>
    OpeningStore.start({
      createDriver: () => {
        created += 1;
        return driver;
      },
      open: () => outcome(),
      clock,
      log,
    });
  const told = (): string[] => log.lines.map(({ level, fields }) => `${level}: ${String(fields['reason'])}`);
  const reasonOf = ({ current }: OpeningStore): string => {
    assert.ok(current instanceof StorageError);
    return current.message;
  };

  beforeEach(() => {
    clock = new ManualClock();
    log = new LogLines();
    closed = 0;
    created = 0;
    outcome = () => Promise.resolve(store);
  });

  it('opens a store that answers, without a word and without a timer', async () => {
    const opening = await start();
    assert.equal(opening.current, store);
    const seen: OpenStore[] = [];
    opening.whenOpen((open) => seen.push(open));
    assert.deepEqual(seen, [store]);
    assert.deepEqual([clock.running, log.lines, closed], [[], [], 0]);
    await opening.close();
    assert.equal(closed, 1);
  });

  it('tries again after 1, 2, 4, 8, 15 and 15 seconds, each time with a driver of its own', async () => {
    outcome = () => Promise.reject(outage('away'));
    const opening = await start();
    assert.equal(reasonOf(opening), 'away');
    assert.equal((opening.current as StorageError).retryAfter, 9);
    for (const [index, seconds] of [1, 2, 4, 8, 15, 15].entries()) {
      assert.deepEqual(clock.running, [seconds * 1000]);
      assert.deepEqual([created, closed], [index + 1, index + 1]);
      await clock.fire();
    }
    assert.deepEqual(told(), ['error: away']);
  });

  it('tells the log once of each reason, and once that it is over', async () => {
    outcome = () => Promise.reject(outage('Keystone is down'));
    const opening = await start();
    const seen: OpenStore[] = [];
    opening.whenOpen((open) => seen.push(open));
    await clock.fire();
    outcome = () => Promise.reject(outage('Swift is down'));
    await clock.fire();
    await clock.fire();
    assert.equal(reasonOf(opening), 'Swift is down');
    assert.deepEqual(seen, []);
    outcome = () => Promise.resolve(store);
    await clock.fire();
    assert.equal(opening.current, store);
    assert.deepEqual(seen, [store]);
    assert.deepEqual(told(), ['error: Keystone is down', 'error: Swift is down', 'info: undefined']);
    assert.deepEqual(clock.running, []);
    assert.equal(closed, 4, 'every driver but that of the open store');
  });

  it('refuses a store that cannot be served, when that is seen at the start', async () => {
    outcome = () => Promise.reject(new StartError('of a newer release'));
    await assert.rejects(start(), /^StartError: of a newer release$/);
    assert.deepEqual([clock.running, log.lines, closed], [[], [], 1]);
  });

  it('stays away with that reason when it is seen later, and goes on trying', async () => {
    outcome = () => Promise.reject(outage('away'));
    const opening = await start();
    outcome = () => Promise.reject(new StartError('of a newer release'));
    await clock.fire();
    assert.equal(reasonOf(opening), 'of a newer release');
    outcome = () => Promise.resolve(store);
    await clock.fire();
    assert.equal(opening.current, store);
  });

  it('does not wait for a store that does not answer, and takes its answer when it comes', async () => {
    let answer: (store: OpenStore) => void = () => undefined;
    outcome = () => new Promise((resolve) => (answer = resolve));
    const starting = start();
    await settled();
    assert.deepEqual(clock.running, [OPENER_TIMES.first]);
    await clock.fire();
    const opening = await starting;
    assert.equal(reasonOf(opening), 'the store has not answered within 5 s');
    assert.deepEqual(clock.running, []);
    answer(store);
    await settled();
    assert.equal(opening.current, store);
    assert.equal(created, 1);
  });

  it('when it is closed ends the attempt that lasts, and never tries again', async () => {
    outcome = () => Promise.reject(outage('away'));
    const opening = await start();
    let answer: (store: OpenStore) => void = () => undefined;
    outcome = () => new Promise((resolve) => (answer = resolve));
    await clock.fire();
    opening.whenOpen(() => assert.fail('it was closed'));
    assert.deepEqual([created, closed], [2, 1]);
    await opening.close();
    assert.equal(closed, 2);
    answer(store);
    await settled();
    assert.equal(reasonOf(opening), 'away');
    assert.deepEqual(clock.running, []);
  });
});

describe('a server whose store is away', () => {
  let store: TestStore;
  let clock: ManualClock;
  let log: LogLines;
  let opening: OpeningStore;
  let composed: ComposedServer;
  let origin: string;
  const state = { out: true };

  beforeEach(async () => {
    state.out = true;
    store = await openStore('memory');
    clock = new ManualClock();
    log = new LogLines();
    const config = loadConfig({
      env: { STACKYARD_AUTH_MODE: 'none', STACKYARD_STORAGE_DRIVER: 'memory' },
      cwd: '/',
      readFile: () => {
        throw Object.assign(new Error('none'), { code: 'ENOENT' });
      },
    });
    const createDriver = (): StorageDriver => failing(undying(store.driver()), state);
    const open = (driver: StorageDriver): Promise<OpenStore> => openStoreOf(config, driver);
    opening = await OpeningStore.start({ createDriver, open, clock, log });
    const telemetry = createTelemetry();
    composed = assembleServer({
      config,
      log,
      invalidations: noInvalidations,
      locker: processLocks(),
      exchange: noExchange,
      telemetry,
      store: opening,
    });
    await new Promise<void>((resolve) => composed.server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(composed.server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    state.out = false;
    await composed.drain();
    await store.remove();
  });

  it('lives, is not ready and tells why', async () => {
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    const answer = await fetch(`${origin}/readyz`);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '5');
    assert.deepEqual(await answer.json(), {
      status: 'not ready',
      reason: 'cannot open the memory store: the store is away',
    });
    assert.equal((await fetch(`${origin}/elsewhere`)).status, 404);
  });

  it('answers every call 503 UNAVAILABLE with Retry-After', async () => {
    for (const [method, path] of [
      ['GET', '/v2/'],
      ['GET', '/v2'],
      ['HEAD', '/v2/a/manifests/latest'],
      ['GET', '/v2/_catalog'],
      ['PUT', '/v2/a/manifests/latest'],
      ['POST', '/v2/a/blobs/uploads/'],
      ['PATCH', '/v2/a/blobs/uploads/x'],
      ['DELETE', '/v2/a/blobs/x'],
    ] as const) {
      const answer = await fetch(origin + path, { method, ...(method === 'PUT' && { body: 'x' }) });
      assert.equal(answer.status, 503, `${method} ${path}`);
      assert.equal(answer.headers.get('retry-after'), '7');
      assert.equal(answer.headers.get('docker-distribution-api-version'), 'registry/2.0');
      if (method === 'HEAD') continue;
      assert.deepEqual(await answer.json(), {
        errors: [{ code: 'UNAVAILABLE', message: 'the storage is unavailable; try again' }],
      });
    }
    const requests = log.lines.filter(({ message }) => message === 'request');
    assert.equal(requests.length, 8);
    assert.match(String(requests[0]?.fields['reason']), /cannot open the memory store: the store is away$/);
  });

  it('answers before it reads a body', async () => {
    const { port } = composed.server.address() as AddressInfo;
    const headers = { 'Content-Length': 1_000_000, Expect: '100-continue' };
    const status = await new Promise((resolve, reject) => {
      const call = request({ port, method: 'PUT', path: '/v2/a/manifests/t', headers }, (answer) => {
        resolve(answer.statusCode);
        call.destroy();
      });
      call.on('continue', () => reject(new Error('the body was asked for')));
      call.on('error', () => undefined);
      call.flushHeaders();
    });
    assert.equal(status, 503);
  });

  it('serves, and purges, as soon as the store opens', async () => {
    const stopPurging = startPurgeTimer(
      opening,
      { purgeEvery: 3_600_000, purgeAfter: 0, auditKeep: 0 },
      clock,
      log,
    );
    await clock.fire();
    assert.equal((await fetch(`${origin}/v2/`)).status, 503);
    state.out = false;
    await clock.fire();
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    assert.equal((await fetch(`${origin}/v2/`)).status, 200);
    const post = await fetch(`${origin}/v2/a/blobs/uploads/`, { method: 'POST' });
    assert.equal(post.status, 202);
    const words = log.lines.filter(({ message }) => message !== 'request').map(({ message }) => message);
    assert.deepEqual(words, [
      'not ready: calls are answered 503 until the store opens',
      'the store is open; serving',
      'purged dead uploads',
    ]);
    assert.deepEqual(clock.running, [3_600_000]);
    stopPurging();
    assert.deepEqual(clock.running, []);
    state.out = true;
    const { reason } = (await (await fetch(`${origin}/readyz`)).json()) as { reason: string };
    assert.equal(reason, 'the storage does not answer: the store is away');
  });

  it('does not purge once it was told to stop', async () => {
    startPurgeTimer(opening, { purgeEvery: 3_600_000, purgeAfter: 0, auditKeep: 0 }, clock, log)();
    state.out = false;
    await clock.fire();
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    assert.deepEqual(clock.running, []);
  });
});

/** The same driver, not closed with the attempt that made it. */
function undying(driver: StorageDriver): StorageDriver {
  return Object.assign(Object.create(driver) as StorageDriver, { close: () => Promise.resolve() });
}
