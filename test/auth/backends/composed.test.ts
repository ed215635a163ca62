import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAuth, createAuthStore } from '../../../src/composition/auth.js';
import { StartError } from '../../../src/composition/listen.js';
import { createClientOrigin } from '../../../src/http/client-origin.js';
import { RegistryError } from '../../../src/errors/registry-error.js';
import { createMemoryDriver } from '../../../storage-drivers/memory/memory-driver.js';
import { load } from '../../config/load.js';
import { findTool, leaveOut } from '../../support/requirement.js';
import { temporaryDirectory } from '../../support/temporary.js';
import type { TemporaryDirectory } from '../../support/temporary.js';
import { CountingHasher, StillClock, htpasswdLine, testIds } from './parts.js';

describe('auth: local users, htpasswd and Keystone together', () => {
  let directory: TemporaryDirectory;
  let users: string;

  before(async () => {
    directory = await temporaryDirectory('auth');
    users = join(directory.path, 'users');
  });
  after(() => directory.remove());

  it('takes a user of the file, as the file is now', async () => {
    await writeFile(users, htpasswdLine('alice', 'first'));
    const { login, clock } = compose({ file: users });
    assert.equal(await login('alice', 'first'), 'repository:users/alice/app:pull,push');
    await writeFile(`${users}.new`, htpasswdLine('alice', 'other'));
    await rename(`${users}.new`, users);
    clock.time += 1000;
    assert.equal(await login('alice', 'first'), 'UNAUTHORIZED');
    assert.notEqual(await login('alice', 'other'), 'UNAUTHORIZED');
  });

  it('keeps the users of a file that is gone, and tells the log', async () => {
    await writeFile(users, htpasswdLine('alice', 'first'));
    const { login, clock, warnings } = compose({ file: users });
    await unlink(users);
    clock.time += 1000;
    assert.notEqual(await login('alice', 'first'), 'UNAUTHORIZED');
    assert.deepEqual(warnings, [
      `auth.htpasswd.file: ${users}: it cannot be read (ENOENT); its users stay as they were`,
    ]);
  });

  it('gives a name of the store no second password, also where it may not log in', async () => {
    await writeFile(users, htpasswdLine('alice', 'of the file'));
    const { login, store, hasher } = compose({ file: users });
    const password = await hasher.hash('of the store');
    const record = { kind: 'user', createdAt: '2026-01-01T00:00:00Z', password } as const;
    await store.principals.create('alice', record);
    assert.equal(await login('alice', 'of the file'), 'UNAUTHORIZED');
    assert.notEqual(await login('alice', 'of the store'), 'UNAUTHORIZED');
    await store.principals.disable('alice');
    assert.equal(await login('alice', 'of the store'), 'UNAUTHORIZED');
    assert.equal(await login('alice', 'of the file'), 'UNAUTHORIZED');
  });

  it('compares as often for every name that is wrong', async () => {
    await writeFile(users, htpasswdLine('alice', 'x'));
    const { login, store, hasher } = compose({ file: users });
    const password = await hasher.hash('x');
    await store.principals.create('bob', { kind: 'user', createdAt: '2026-01-01T00:00:00Z', password });
    for (const name of ['alice', 'bob', 'nobody']) {
      hasher.compared.length = 0;
      assert.equal(await login(name, 'wrong'), 'UNAUTHORIZED');
      assert.equal(hasher.compared.length, 2, name);
    }
  });

  it('asks Keystone for no name of the store or the file, and is unavailable for others while it is gone', async () => {
    await writeFile(users, htpasswdLine('alice', 'x'));
    const { login, store } = compose({ file: users, keystone: { url: 'http://127.0.0.1:1' } });
    await store.principals.create('robot', { kind: 'robot', createdAt: '2026-01-01T00:00:00Z' });
    assert.equal(await login('alice', 'wrong'), 'UNAUTHORIZED');
    assert.equal(await login('robot', 'wrong'), 'UNAUTHORIZED');
    assert.notEqual(await login('alice', 'x'), 'UNAUTHORIZED');
    assert.equal(await login('syd', 'x'), 'UNAVAILABLE');
    assert.equal(await login('syd@Default', 'x'), 'UNAVAILABLE');
  });

  it('does not start with a file that it cannot use', async () => {
    assert.throws(
      () => compose({ file: join(directory.path, 'none') }),
      starts(/^auth\.htpasswd\.file: .*none cannot be read \(ENOENT\); give a readable file$/),
    );
    await writeFile(users, 'alice:$apr1$a$b');
    assert.throws(
      () => compose({ file: users }),
      starts(
        /users: line 1: the password of alice is not hashed with bcrypt; set it again with htpasswd -B$/,
      ),
    );
    const url = 'https://127.0.0.1:1';
    assert.throws(() => compose({ keystone: { url, ca: users } }), starts(/holds no certificate/));
    assert.throws(() => compose({ keystone: { url, ca: '/none' } }), starts(/auth\.keystone\.ca: .*ENOENT/));
  });

  it('trusts a Keystone by auth.keystone.ca alone', async function () {
    const openssl = findTool('openssl') ?? leaveOut(this, 'no openssl');
    const [key, ca] = [join(directory.path, 'key.pem'), join(directory.path, 'ca.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', ca];
    execFileSync(openssl, ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], {
      stdio: 'ignore',
    });
    const server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, (_, res) => {
      res.writeHead(401).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal(await compose({ keystone: { url } }).login('syd', 'x'), 'UNAVAILABLE');
    assert.equal(await compose({ keystone: { url, ca } }).login('syd', 'x'), 'UNAUTHORIZED');
    server.close();
  });
});

interface Given {
  readonly file?: string;
  readonly keystone?: { readonly url: string; readonly ca?: string };
}

function compose({ file, keystone }: Given) {
  const auth = {
    mode: 'token',
    personalNamespaces: 'users/{name}/**',
    htpasswd: file === undefined ? {} : { file },
    keystone: keystone ?? {},
  };
  const config = load({ yaml: JSON.stringify({ auth }) });
  const clock = new StillClock(1_800_000_000_000);
  const hasher = new CountingHasher();
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const log = {
    debug: ignore,
    info: ignore,
    warn: (_: object, message: string) => void warnings.push(message),
    error: ignore,
    flush: () => Promise.resolve(),
  };
  const driver = createMemoryDriver({ clock, ids: testIds });
  const parts = { driver, clock, ids: testIds };
  const { routes } = createAuth(
    { ...parts, hasher, log },
    config.auth,
    createClientOrigin({ trustedProxies: [] }),
  );
  /** The first scope that it gets of the wish for its own repository, or the code of the refusal. */
  const login = async (username: string, secret: string): Promise<string> => {
    const scopes = [`repository:users/${username}/app:pull,push`];
    const credentials = { username, secret };
    try {
      const grant = await routes.tokens.grant({ credentials, scopes, offline: false, address: '192.0.2.1' });
      const [scope] = grant.scopes;
      return scope === undefined ? '' : `${scope.type}:${scope.name}:${scope.actions.join()}`;
    } catch (error) {
      if (error instanceof RegistryError) return error.code;
      throw error;
    }
  };
  return { login, clock, hasher, warnings, store: createAuthStore(parts) };
}

function starts(message: RegExp) {
  return (error: unknown) => error instanceof StartError && message.test(error.message);
}
