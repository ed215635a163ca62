import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Permissions } from '../../src/admin/permissions.js';
import { processLocks } from '../../src/composition/locks.js';
import { createAdminTools, type AdminTools } from '../../src/composition/admin-tools.js';
import { createAuthStore, type AuthStore } from '../../src/composition/auth.js';
import { BcryptThread } from '../../src/composition/bcrypt-thread.js';
import { loadConfig } from '../../src/config/index.js';
import { parseGrant } from '../../src/domain/grant.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { ownedTokensPrefix } from '../../src/domain/keys.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { withFaults } from '../registry/faulty.js';
import { openStore, type TestStore } from '../support/in-process.js';
import { temporaryDirectory } from '../support/temporary.js';

const PASSWORD = 'correct horse';
const CREATED = '2026-01-01T00:00:00Z';
const GRANT = parseGrant({ repositories: 'team/**', actions: 'pull' });

describe('accounts', () => {
  const hasher = new BcryptThread();
  let store: TestStore;
  let tools: Omit<AdminTools, 'close'>;
  let stored: AuthStore;
  beforeEach(async () => {
    store = await openStore('memory');
    const { clock, ids } = store;
    const { auth } = loadConfig({ env: {}, cwd: '/', configPath: undefined, readFile: () => '' });
    tools = createAdminTools({ driver: store.driver(), clock, ids, hasher, locker: processLocks() }, auth);
    stored = createAuthStore({ driver: store.driver(), clock, ids });
  });
  afterEach(() => store.remove());
  after(() => hasher.close());

  it('keeps passwords as bcrypt hashes', async () => {
    await tools.accounts.createUser('alice', { password: PASSWORD });
    const { password = '' } = (await stored.principals.read('alice')) ?? {};
    assert.match(password, /^\$2b\$10\$/);
    assert.ok(await hasher.matches(PASSWORD, password));
  });

  it('ends what was given before, with every change', async () => {
    const { accounts } = tools;
    await accounts.createUser('alice', { password: PASSWORD });
    const seen = new Set([await stored.generations.current('user:alice')]);
    const changes = [
      () => accounts.update({ kind: 'user', name: 'alice' }, { password: 'battery staple' }),
      () => accounts.update({ kind: 'user', name: 'alice' }, { groups: ['dev'] }),
      () => accounts.update({ kind: 'user', name: 'alice' }, { admin: true }),
      () => accounts.update({ kind: 'user', name: 'alice' }, { disabled: true }),
      () => accounts.remove({ kind: 'user', name: 'alice' }),
    ];
    for (const [index, change] of changes.entries()) {
      await change();
      store.clock.advance(5001);
      seen.add(await stored.generations.current('user:alice'));
      assert.equal(seen.size, index + 2);
    }
  });

  it('can repeat a removal that was cut off, and lets nobody in meanwhile', async () => {
    const { accounts, tokens } = tools;
    const robot = { kind: 'robot', name: 'ci' } as const;
    const { secret } = await accounts.createRobot('ci', [GRANT], {});
    const { principals } = stored;
    const revokeAll = tokens.revokeAll.bind(tokens);
    tokens.revokeAll = () => Promise.reject(new Error('the store is gone'));
    await assert.rejects(accounts.remove(robot), /the store is gone/);
    tokens.revokeAll = revokeAll;
    assert.equal(await principals.isDisabled('ci'), true);
    await accounts.remove(robot);
    assert.equal(await principals.read('ci'), undefined);
    assert.equal(await stored.tokens.find(secret), undefined);
    assert.deepEqual(await stored.grants.read(robot), []);
  });

  it('gives a new robot nothing of an earlier one', async () => {
    const left = await stored.tokens.create({ owner: 'ci', ownerCreatedAt: CREATED });
    await stored.grants.add({ kind: 'robot', name: 'ci' }, GRANT);
    await tools.accounts.createRobot('ci', [], {});
    assert.equal(await stored.tokens.find(left.secret), undefined);
    assert.deepEqual(await stored.grants.read({ kind: 'robot', name: 'ci' }), []);
  });

  it('leaves a robot alone whose name is wanted again', async () => {
    const { secret } = await tools.accounts.createRobot('ci', [GRANT], {});
    await assert.rejects(tools.accounts.createRobot('ci', [], {}), /there is a robot ci already/);
    assert.ok(await stored.tokens.find(secret));
    assert.equal((await stored.grants.read({ kind: 'robot', name: 'ci' })).length, 1);
  });

  it('counts the users of the htpasswd file as users', async () => {
    const folder = await temporaryDirectory('htpasswd');
    const file = join(folder.path, 'users');
    await writeFile(file, `bob:${await hasher.hash(PASSWORD)}\n`);
    const { clock, ids } = store;
    const env = {
      STACKYARD_AUTH_MODE: 'token',
      STACKYARD_AUTH_HTPASSWD_FILE: file,
      STACKYARD_AUTH_PERSONAL_NAMESPACES: 'users/{name}/**',
    };
    const { auth } = loadConfig({ env, cwd: '/', configPath: undefined, readFile: () => '' });
    const { accounts, explain } = createAdminTools(
      { driver: store.driver(), clock, ids, hasher, locker: processLocks() },
      auth,
    );
    await assert.rejects(accounts.createRobot('bob', [], {}), /bob is a user of auth\.htpasswd\.file/);
    const who = { kind: 'account', name: 'bob' } as const;
    const { allowed, by, isStranger } = await explain({
      who,
      repository: parseRepositoryName('users/bob/app'),
      action: 'push',
    });
    assert.deepEqual([allowed, by, isStranger], [true, 'personal-namespace', false]);
    await folder.remove();
    await assert.rejects(accounts.createRobot('ci', [], {}), /auth\.htpasswd\.file: .* cannot be read/);
  });

  it('lets no owner of access tokens be missing', async () => {
    await assert.rejects(tools.tokens.create('../x', {}), /there is no user or robot/);
    const { id } = await stored.tokens.create({ owner: 'gone', ownerCreatedAt: CREATED });
    await assert.rejects(tools.tokens.rotate(id, 0), /there is no user or robot gone/);
  });

  it('removes also a grant that the listing hides', async () => {
    const dev = { kind: 'group', name: 'dev' } as const;
    const driver = store.driver();
    await tools.permissions.add(dev, GRANT);
    const lagging = new Proxy(driver, {
      get: (target, name) =>
        name === 'list'
          ? async () => ({ objects: [], prefixes: [] })
          : (Reflect.get(target, name) as unknown as () => void).bind?.(target),
    });
    const { clock, ids } = store;
    const behind = createAuthStore({ driver: lagging, clock, ids });
    await assert.rejects(
      new Permissions(behind).remove(dev, GRANT),
      /group:dev has no grant of pull on team/,
    );
    assert.deepEqual(await stored.grants.read(dev), []);
  });

  it('rotates an access token once, whoever asks for it at the same time', async () => {
    await tools.accounts.createUser('alice', {});
    const { id } = await tools.tokens.create('alice', {});
    const rotations = await Promise.allSettled([1, 2, 3].map(() => tools.tokens.rotate(id, 60_000)));
    assert.deepEqual(rotations.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
    const { items } = await tools.tokens.page('alice', { limit: 10 });
    assert.equal(items.length, 2);
  });

  it('ends the access tokens of an earlier account of the name, and none of the new one', async () => {
    await tools.accounts.createUser('alice', {});
    const earlier = await stored.tokens.create({ owner: 'bob', ownerCreatedAt: CREATED });
    const driver = store.driver();
    let own: { readonly id: string } | undefined;
    const list: StorageDriver['list'] = async (options) => {
      // Another administrator is quick.
      if (options.prefix === ownedTokensPrefix('bob')) own ??= await tools.tokens.create('bob', {});
      return driver.list(options);
    };
    const { clock, ids } = store;
    const { auth } = loadConfig({ env: {}, cwd: '/', configPath: undefined, readFile: () => '' });
    const other = createAdminTools(
      { driver: withFaults(driver, { list }), clock, ids, hasher, locker: processLocks() },
      auth,
    );
    await other.accounts.createUser('bob', {});
    assert.equal(await stored.tokens.read(earlier.id), undefined);
    assert.ok(own && (await stored.tokens.read(own.id)));
  });
});
