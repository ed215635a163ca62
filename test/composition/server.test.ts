import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../src/composition/listen.js';
import { processLocks } from '../../src/composition/locks.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import { composeServer, type ComposedServer } from '../../src/composition/server.js';
import { StoreOutage, openConfiguredStore, openStoreOf } from '../../src/composition/store.js';
import { alreadyOpen } from '../../src/composition/store-opener.js';
import { startPurgeTimer } from '../../src/composition/purge-timer.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import { FORMAT_KEY } from '../../src/domain/keys.js';
import { failing } from '../http/failing-driver.js';
import type { Clock } from '../../src/ports/clock.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { LogLines } from './log-lines.js';

function configOf(root: string, env: Record<string, string> = {}): Config {
  return loadConfig({
    env: { STACKYARD_AUTH_MODE: 'none', STACKYARD_STORAGE_FILESYSTEM_ROOT: root, ...env },
    cwd: root,
    readFile: () => {
      throw Object.assign(new Error('none'), { code: 'ENOENT' });
    },
  });
}

const ignored = { storageRequest: () => undefined };

describe('composed server', () => {
  let directory: string;
  let root: string;
  let log: LogLines;
  let composed: ComposedServer;
  let origin: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sy-composed-'));
    root = join(directory, 'data');
    log = new LogLines();
    composed = await composeServer({
      config: configOf(root),
      log,
      invalidations: noInvalidations,
      locker: processLocks(),
      exchange: noExchange,
    });
    await new Promise<void>((resolve) => composed.server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(composed.server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await composed.drain();
    await rm(directory, { recursive: true });
  });

  it('is ready while the store answers, and tells why it is not', async () => {
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    await rename(root, `${root}-away`);
    const answer = await fetch(`${origin}/readyz`);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '5');
    assert.match(((await answer.json()) as { reason: string }).reason, /is gone or was replaced/);
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    await rename(`${root}-away`, root);
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
  });

  it('takes a vanished root for an outage, never for an empty store', async () => {
    await rename(root, `${root}-away`);
    for (const path of ['/v2/a/tags/list', '/v2/a/manifests/latest', '/v2/_catalog']) {
      assert.equal((await fetch(origin + path)).status, 503, path);
    }
    await mkdir(root);
    const post = await fetch(`${origin}/v2/a/blobs/uploads/`, { method: 'POST' });
    assert.equal(post.status, 503);
    await rm(root, { recursive: true });
    await rename(`${root}-away`, root);
    assert.equal((await fetch(`${origin}/v2/_catalog`)).status, 200);
  });

  it('logs one line a request, with what it cost and without what it must not tell', async () => {
    const opened = await fetch(`${origin}/v2/team/app/blobs/uploads/`, { method: 'POST' });
    const location = opened.headers.get('location') ?? '';
    const set = opened.headers.get('docker-upload-uuid') ?? '';
    const [path = ''] = location.split('?', 1);
    const dotted = path.slice(path.lastIndexOf('/') + 1);
    for (const id of [dotted, dotted.replaceAll('.', '%2E')]) {
      const url = `${origin}/v2/team/app/blobs/uploads/${id}?_state=0-0&secret=x`;
      assert.equal((await fetch(url)).status, 204);
    }
    await fetch(`${origin}/v2/team/app/blobs/nonsense`);
    await new Promise((resolve) => setImmediate(resolve));
    const requests = log.lines.filter(({ message }) => message === 'request').map(({ fields }) => fields);
    const [post, get, encoded, bad] = requests;
    assert.equal(requests.length, 4);
    const { id, ms, bytes, ...rest } = post ?? {};
    assert.match(String(id), /^[a-z2-7]{8}-[0-9a-z]+$/);
    assert.equal(typeof ms, 'number');
    assert.ok(Number(bytes) > 100);
    assert.deepEqual(rest, {
      method: 'POST',
      path: '/v2/team/app/blobs/uploads/',
      repository: 'team/app',
      status: 202,
      storageRequests: 3,
    });
    for (const line of [get, encoded]) assert.equal(line?.['path'], `/v2/team/app/blobs/uploads/${set}`);
    assert.equal(bad?.['code'], 'DIGEST_INVALID');
    assert.equal(bad?.['reason'], 'the digest is not of the form algorithm:hex');
  });
});

describe('opening the configured store', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sy-store-'));
  });

  afterEach(() => rm(root, { recursive: true }));

  it('names the store, the cause and the key in one line', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    await assert.rejects(
      openConfiguredStore(configOf(file), ignored),
      /^StartError: cannot open the store in .*file \(storage\.filesystem\.root\): .*ENOTDIR[^\n]*$/,
    );
  });

  it('tells an outage, which may pass, from a store of a newer release', async () => {
    const config = configOf(root);
    const state = { out: true };
    const { driver } = await openConfiguredStore(config, ignored);
    await assert.rejects(openStoreOf(config, failing(driver, state)), (error) => {
      assert.ok(error instanceof StoreOutage);
      assert.equal(error.name, 'StartError');
      assert.match(error.message, /^cannot open the store in [^\n]*: the store is away$/);
      assert.equal(error.cause.retryAfter, 7);
      return true;
    });
    state.out = false;
    assert.equal((await openStoreOf(config, failing(driver, state))).format.version, 1);
    await driver.put(FORMAT_KEY, Buffer.from('{"version":2}'));
    await assert.rejects(openStoreOf(config, driver), (error) => {
      assert.ok(error instanceof StartError && !(error instanceof StoreOutage));
      assert.match(error.message, /start a newer release/);
      return true;
    });
    await driver.put(FORMAT_KEY, Buffer.from('{"versi'));
    await assert.rejects(openStoreOf(config, driver), StoreOutage);
  });

  it('does not take a store of two registries for its own', async () => {
    await mkdir(join(root, 'docker/registry/v2/repositories/old/_layers'), { recursive: true });
    await writeFile(join(root, 'docker/registry/v2/repositories/old/_layers/x'), '');
    assert.equal((await openConfiguredStore(configOf(root), ignored)).format.shared, true);
    await assert.rejects(
      openConfiguredStore(configOf(root, { STACKYARD_STORAGE_SHARED: 'false' }), ignored),
      /storage\.shared is false, but .*run stackyard adopt --finish/,
    );
  });

  it('remembers that a store was shared', async () => {
    assert.equal((await openConfiguredStore(configOf(root), ignored)).format.shared, false);
    const shared = configOf(root, { STACKYARD_STORAGE_SHARED: 'true' });
    assert.equal((await openConfiguredStore(shared, ignored)).format.shared, true);
    assert.equal((await openConfiguredStore(configOf(root), ignored)).format.shared, true);
  });
});

describe('purge timer', () => {
  it('purges at the start and each time it is due, until it is stopped', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sy-purge-'));
    try {
      const store = await openConfiguredStore(configOf(root), ignored);
      const log = new LogLines();
      let due: (() => void) | undefined;
      const clock: Clock = {
        now: () => Date.now() + 1000,
        every: (milliseconds, callback) => {
          assert.equal(milliseconds, 500);
          due = callback;
          return () => (due = undefined);
        },
      };
      await store.driver.segments.append('dead', [], bytes());
      const stop = startPurgeTimer(
        alreadyOpen(store),
        { purgeEvery: 500, purgeAfter: 100, auditKeep: 0 },
        clock,
        log,
      );
      await until(() => log.lines.length === 1);
      assert.deepEqual(log.lines[0]?.fields, { steps: 0, sets: 1, bytes: 5, dryRun: false });
      due?.();
      await until(() => log.lines.length === 2);
      assert.deepEqual(log.lines[1]?.fields, { steps: 0, sets: 0, bytes: 0, dryRun: false });
      stop();
      assert.equal(due, undefined);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('warns of what could not be removed', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sy-purge-'));
    try {
      const { driver, format } = await openConfiguredStore(configOf(root), ignored);
      const log = new LogLines();
      await driver.segments.append('dead', [], bytes());
      const state = { out: true };
      const segments = Object.assign(Object.create(driver.segments) as StorageDriver['segments'], {
        remove: (set: string) => failing(driver, state).segments.remove(set),
      });
      const clumsy = Object.assign(Object.create(driver) as StorageDriver, { segments });
      const clock: Clock = { now: () => Date.now() + 1000, every: () => () => undefined };
      startPurgeTimer(
        alreadyOpen({ driver: clumsy, format }),
        { purgeEvery: 500, purgeAfter: 100, auditKeep: 0 },
        clock,
        log,
      );
      await until(() => log.lines.length === 1);
      assert.equal(log.lines[0]?.level, 'warn');
      assert.deepEqual(log.lines[0]?.fields['failed'], { count: 1, reason: 'the store is away' });
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('bytes');
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition();) {
    assert.ok(Date.now() < deadline, 'it did not happen within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
