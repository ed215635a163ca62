import assert from 'node:assert/strict';
import { LocalBackend } from '../../src/auth/backends/local.js';
import { PasswordChecks } from '../../src/auth/password-checks.js';
import { processLocks } from '../../src/composition/locks.js';
import { createAdminTools, type AdminTools } from '../../src/composition/admin-tools.js';
import { createAuthStore, type AuthStore } from '../../src/composition/auth.js';
import { accessTokenKey, principalKey, type Key } from '../../src/domain/keys.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { quickHasher, tokenRules } from '../http/access/token-rules.js';
import { withFaults } from '../registry/faulty.js';
import { openStore, type TestStore } from '../support/in-process.js';

type Tools = Omit<AdminTools, 'close'>;

const PASSWORD = 'correct horse';
const ALICE = { kind: 'user', name: 'alice' } as const;
/** Within which a server knows of a revocation. */
const KNOWN = 5000;

describe('commands at the same time', () => {
  let store: TestStore;
  let stored: AuthStore;
  let tools: Tools;
  let backend: LocalBackend;
  beforeEach(async () => {
    store = await openStore('memory');
    tools = toolsOver(store.driver());
    const { clock, ids } = store;
    stored = createAuthStore({ driver: store.driver(), clock, ids });
    backend = new LocalBackend({ ...stored, passwords: new PasswordChecks(quickHasher(), clock, ids) });
    await tools.accounts.createUser('alice', { password: PASSWORD });
  });
  afterEach(() => store.remove());

  function toolsOver(driver: StorageDriver): Tools {
    const { clock, ids } = store;
    return createAdminTools(
      { driver, clock, ids, hasher: quickHasher(), locker: processLocks() },
      tokenRules({}),
    );
  }

  /** Commands of another process; once, before it writes the key, `between` happens. */
  function interrupted(key: Key, between: () => Promise<unknown>): Tools {
    const driver = store.driver();
    let isDone = false;
    const put: StorageDriver['put'] = async (...call) => {
      if (call[0] === key && !isDone) {
        isDone = true;
        await between();
      }
      return driver.put(...call);
    };
    return toolsOver(withFaults(driver, { put }));
  }

  const accounts = async () => (await tools.directory.page('user', { limit: 100 })).items;
  const login = async (secret = PASSWORD) =>
    (await backend.authenticate({ username: 'alice', secret }))?.subject;

  it('leave an account disabled', async () => {
    const { secret, id } = await tools.tokens.create('alice', {});
    const { proof = '' } = (await backend.find('alice')) ?? {};
    const disable = () => tools.accounts.update(ALICE, { disabled: true });
    await interrupted(principalKey('alice'), disable).accounts.update(
      { kind: 'user', name: 'alice' },
      { groups: ['dev'] },
    );
    assert.deepEqual([await login(), await login(secret)], [undefined, undefined]);
    for (const past of [{ proof }, { token: id }]) {
      assert.equal(await backend.recall({ subject: 'alice', ...past }), undefined);
    }
    assert.equal(await backend.certified('alice'), undefined);
    const [account] = await accounts();
    assert.deepEqual([account?.disabled, account?.groups], [true, ['dev']]);
    await tools.accounts.update(ALICE, { disabled: true });
    await tools.accounts.update(ALICE, { disabled: false });
    assert.deepEqual([await login(), await login(secret)], ['alice', 'alice']);
    assert.ok(await backend.recall({ subject: 'alice', proof }));
  });

  it('let nobody in whose account was deleted', async () => {
    const other = 'battery staple';
    const remove = () => tools.accounts.remove(ALICE);
    await interrupted(principalKey('alice'), remove).accounts.update(
      { kind: 'user', name: 'alice' },
      { password: other },
    );
    assert.deepEqual([await login(), await login(other)], [undefined, undefined]);
    assert.deepEqual(
      (await accounts()).map(({ disabled }) => disabled),
      [true],
    );
    await tools.accounts.remove(ALICE);
    assert.deepEqual(await accounts(), []);
  });

  it('do not hinder who gets the name of a deleted account', async () => {
    await tools.accounts.remove(ALICE);
    await tools.accounts.createUser('alice', { password: PASSWORD });
    assert.equal(await login(), 'alice');
    await tools.accounts.remove(ALICE);
    const { secret } = await tools.accounts.createRobot('alice', [], {});
    assert.equal(await login(secret), 'alice');
  });

  it('do not bring a revoked access token back', async () => {
    const { id, secret } = await tools.tokens.create('alice', {});
    assert.equal(await login(secret), 'alice');
    const revoke = () => tools.tokens.revoke(id);
    await interrupted(accessTokenKey(id), revoke).tokens.rotate(id, 60_000);
    assert.ok(await stored.tokens.read(id), 'the rotation wrote it again');
    store.clock.advance(KNOWN);
    assert.equal(await login(secret), undefined);
    assert.equal(await backend.recall({ subject: 'alice', token: id }), undefined);
    const { items: listed } = await toolsOver(store.driver()).tokens.page('alice', { limit: 100 });
    assert.ok(listed.length === 1 && listed[0]?.id !== id);
    await assert.rejects(tools.tokens.rotate(id, 0), /there is no access token with this id/);
  });

  it('revoke an access token before its record goes', async () => {
    const { id } = await tools.tokens.create('alice', {});
    const cut = withFaults(store.driver(), { delete: () => Promise.reject(new Error('cut off')) });
    await assert.rejects(toolsOver(cut).tokens.revoke(id), /cut off/);
    assert.equal(await stored.generations.isFirst(`token:${id}`), false);
    await tools.tokens.revoke(id);
    assert.equal(await stored.tokens.read(id), undefined);
  });

  it('leave a later account no access token that a listing hid', async () => {
    const { id, secret } = await tools.tokens.create('alice', {});
    const list: StorageDriver['list'] = async () => ({ objects: [], prefixes: [] });
    const behind = toolsOver(withFaults(store.driver(), { list }));
    await behind.accounts.remove(ALICE);
    store.clock.advance(1);
    await behind.accounts.createUser('alice', { password: PASSWORD });
    assert.ok(await stored.tokens.find(secret), 'nothing revoked it');
    assert.equal(await login(secret), undefined);
    assert.equal(await backend.recall({ subject: 'alice', token: id }), undefined);
    await assert.rejects(tools.tokens.rotate(id, 0), /is of an earlier alice; revoke it/);
    assert.equal(await login(), 'alice');
  });
});
