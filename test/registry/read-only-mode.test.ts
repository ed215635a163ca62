import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { settingKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Action, Scope } from '../../src/domain/scope.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { AccessController, Caller } from '../../src/ports/access.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { ReadOnlyAccess } from '../../src/registry/read-only-access.js';
import { ReadOnlyMode } from '../../src/registry/read-only-mode.js';
import { inProcessBus, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { withFaults } from './faulty.js';

const BY_ALICE = { by: 'alice', reason: 'moving house' };

describe('read-only mode', () => {
  let store: TestStore;
  beforeEach(async () => {
    store = await openStore('memory');
  });
  afterEach(() => store.remove());

  const modeOver = (driver: StorageDriver = store.driver(), invalidations = noInvalidations) =>
    new ReadOnlyMode(driver, store.clock, invalidations);

  it('is what the store says, with who wished it, why and since when', async () => {
    const mode = modeOver();
    assert.equal(await mode.state(), undefined);
    await mode.requireWritable();
    const since = new Date(store.clock.now()).toISOString();
    await mode.set(BY_ALICE);
    assert.deepEqual(await mode.state(), { since, ...BY_ALICE });
    assert.deepEqual(await modeOver().state(), { since, ...BY_ALICE });
    await assert.rejects(mode.requireWritable(), {
      code: 'UNSUPPORTED',
      status: 405,
      message: 'the registry is read-only: moving house',
    });
    await mode.set({ by: 'bob' });
    assert.equal((await mode.state())?.by, 'alice', 'the first wish stays');
    await mode.clear();
    await mode.set({ by: 'bob' });
    await assert.rejects(mode.requireWritable(), { message: 'the registry is read-only' });
    await mode.clear();
    assert.equal(await mode.state(), undefined);
    assert.equal(await modeOver().state(), undefined);
  });

  it('holds at once in all workers of a server, elsewhere within five seconds', async () => {
    const [here, there] = inProcessBus(2);
    const one = modeOver(store.driver(), here);
    const two = modeOver(store.driver(), there);
    const elsewhere = modeOver();
    const seen = async () =>
      (await Promise.all([one, two, elsewhere].map((mode) => mode.state()))).map(
        (state) => state !== undefined,
      );
    assert.deepEqual(await seen(), [false, false, false]);
    await one.set(BY_ALICE);
    assert.deepEqual(await seen(), [true, true, false]);
    store.clock.advance(4999);
    assert.deepEqual(await seen(), [true, true, false]);
    store.clock.advance(1);
    assert.deepEqual(await seen(), [true, true, true]);
    await two.clear();
    assert.deepEqual(await seen(), [false, false, true]);
    store.clock.advance(5000);
    assert.deepEqual(await seen(), [false, false, false]);
  });

  it('is read once in five seconds, however many ask', async () => {
    let reads = 0;
    const driver = store.driver();
    const read: StorageDriver['read'] = (...call) => ((reads += 1), driver.read(...call));
    const mode = modeOver(withFaults(driver, { read }));
    await mode.set(BY_ALICE);
    for (let second = 0; second < 5; second++) {
      await Promise.all([mode.state(), mode.state(), mode.state()]);
      store.clock.advance(1000);
    }
    assert.equal(reads, 1);
    await mode.state();
    assert.equal(reads, 2);
  });

  it('that cannot be read is not "writable"', async () => {
    const driver = store.driver();
    let isDown = true;
    const outage = new StorageError('UNAVAILABLE', 'the store is gone');
    const read: StorageDriver['read'] = (...call) => (isDown ? Promise.reject(outage) : driver.read(...call));
    const mode = modeOver(withFaults(driver, { read }));
    await assert.rejects(mode.requireWritable(), outage);
    isDown = false;
    await mode.requireWritable();
    isDown = true;
    store.clock.advance(5000);
    await assert.rejects(mode.requireWritable(), outage);
    for (const text of ['', '{}', 'null', '[]', '{"since":1,"by":"x"}']) {
      await driver.put(settingKey('read-only'), Buffer.from(text));
      await assert.rejects(modeOver().requireWritable(), { code: 'UNAVAILABLE' }, text);
    }
    await modeOver().clear();
    await modeOver().requireWritable();
  });

  it('does not remember what was read before it changed, or what a failed change may have done', async () => {
    const driver = store.driver();
    const mode = modeOver(
      withFaults(driver, {
        read: async (...call) => {
          const bytes = await driver.read(...call);
          await begun;
          return bytes;
        },
        delete: async (...call) => {
          await driver.delete(...call);
          throw new StorageError('UNAVAILABLE', 'no answer');
        },
      }),
    );
    let go = (): void => undefined;
    const begun = new Promise<void>((resolve) => (go = resolve));
    await modeOver().set(BY_ALICE);
    const before = mode.state();
    await assert.rejects(mode.clear(), /no answer/);
    go();
    assert.equal((await before)?.by, 'alice');
    assert.equal(await mode.state(), undefined);
  });
});

describe('read-only access', () => {
  const CALLER: Caller = { subject: 'alice', may: () => true, pullable: async () => () => true };
  let store: TestStore;
  let mode: ReadOnlyMode;
  beforeEach(async () => {
    store = await openStore('memory');
    mode = new ReadOnlyMode(store.driver(), store.clock, noInvalidations);
  });
  afterEach(() => store.remove());

  const requestOf = (method: string) => ({ method }) as IncomingMessage;
  const scopes = (...actions: Action[]): readonly Scope[] => [
    { type: 'repository', name: parseRepositoryName('a'), actions },
  ];
  const over = (answer: () => Caller | Promise<Caller>): AccessController =>
    new ReadOnlyAccess({ authorize: answer }, mode);

  it('answers reads as the inner controller does, and asks nothing', async () => {
    const access = over(() => CALLER);
    mode.requireWritable = () => Promise.reject(new Error('asked'));
    for (const method of ['GET', 'HEAD'])
      for (const actions of [['pull'], ['pull', 'push'], ['delete']] as Action[][])
        assert.equal(access.authorize(requestOf(method), { scopes: scopes(...actions) }), CALLER);
    assert.equal(access.authorize(requestOf('POST'), { scopes: scopes('pull') }), CALLER);
    const catalog = { type: 'registry', name: 'catalog', actions: ['*'] } as const;
    assert.equal(access.authorize(requestOf('GET'), { scopes: [catalog] }), CALLER);
  });

  it('refuses changes while the registry is read-only', async () => {
    const changes: readonly (readonly [string, Action])[] = [
      ['POST', 'push'],
      ['PATCH', 'push'],
      ['PUT', 'push'],
      ['DELETE', 'delete'],
    ];
    for (const [method, action] of changes) {
      const ask = async (answer: () => Caller | Promise<Caller>) =>
        over(answer).authorize(requestOf(method), { scopes: scopes('pull', action) });
      assert.equal(await ask(() => CALLER), CALLER);
      await mode.set({ by: 'alice' });
      for (const answer of [() => CALLER, async () => CALLER])
        await assert.rejects(ask(answer), { code: 'UNSUPPORTED', status: 405 });
      await mode.clear();
    }
  });

  it('tells nobody of it who may not change anything', async () => {
    await mode.set({ by: 'alice' });
    const denied = new RegistryError('DENIED');
    const refuse = () => {
      throw denied;
    };
    const needs = { scopes: scopes('push') };
    assert.throws(() => over(refuse).authorize(requestOf('PUT'), needs), denied);
    await assert.rejects(
      async () => over(() => Promise.reject(denied)).authorize(requestOf('PUT'), needs),
      denied,
    );
  });
});
