import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAuthStore } from '../../src/composition/auth.js';
import { BcryptThread } from '../../src/composition/bcrypt-thread.js';
import { processLocks } from '../../src/composition/locks.js';
import { createLogger, type AdjustableLogger } from '../../src/composition/logger.js';
import { composeServer, type ComposedServer } from '../../src/composition/server.js';
import { systemClock, systemIds } from '../../src/composition/system.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { loadConfig } from '../../src/config/index.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const PASSWORD = 'correct horse';
const JSON_TYPE = { 'content-type': 'application/json' };

function basic(name: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}` };
}

describe('administration of a composed server', () => {
  let home: TemporaryDirectory;
  let fd: number;
  let log: AdjustableLogger;
  let composed: ComposedServer;
  let origin: string;

  beforeEach(async () => {
    home = await temporaryDirectory('administered');
    writeFileSync(join(home.path, 'log'), '');
    fd = openSync(join(home.path, 'log'), 'a');
    log = createLogger('info', { fd });
    const config = loadConfig({
      env: {
        STACKYARD_AUTH_MODE: 'token',
        STACKYARD_STORAGE_FILESYSTEM_ROOT: join(home.path, 'data'),
        STACKYARD_LOG_LEVEL: 'info',
      },
      cwd: home.path,
      readFile: () => '',
    });
    const locker = processLocks();
    composed = await composeServer({
      config,
      log,
      invalidations: noInvalidations,
      locker,
      exchange: noExchange,
      setLevel: log.setLevel,
    });
    await addAdmin();
    await new Promise<void>((resolve) => composed.server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(composed.server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await composed.drain();
    // Lines that come later would go to whatever has the number of this file next.
    await log.flush();
    closeSync(fd);
    await home.remove();
  });

  async function addAdmin(): Promise<void> {
    const { current } = composed.store;
    if (current instanceof StorageError) throw current;
    const hasher = new BcryptThread();
    const parts = { driver: current.driver, clock: systemClock, ids: systemIds };
    const { principals } = createAuthStore(parts);
    await principals.create('root', {
      kind: 'user',
      admin: true,
      createdAt: '2026-01-01T00:00:00Z',
      password: await hasher.hash(PASSWORD),
    });
    await hasher.close();
  }

  const admin = (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${origin}/admin/v1${path}`, {
      method,
      headers: { ...basic('root'), ...(body && JSON_TYPE) },
      ...(body && { body: JSON.stringify(body) }),
    });

  async function requestsLogged(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    await log.flush();
    const lines = readFileSync(join(home.path, 'log'), 'utf8').split('\n');
    return lines.filter((line) => line.includes('"msg":"request"')).length;
  }

  it('sets the least level of the log, and gives it back', async () => {
    const told = await admin('PUT', '/log-level', { level: 'warn' });
    assert.deepEqual(await told.json(), { level: 'warn', configured: false });
    const before = await requestsLogged();
    for (let index = 0; index < 3; index += 1) assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    assert.equal(await requestsLogged(), before);
    const back = await admin('PUT', '/log-level', { level: null });
    assert.deepEqual(await back.json(), { level: 'info', configured: true });
    assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    assert.ok((await requestsLogged()) > before);
  });

  it('lets a grant count at once where it was given, and no longer where it was taken', async () => {
    await admin('POST', '/users', { name: 'alice', password: PASSWORD });
    const scopes = async (): Promise<unknown> => {
      const url = `${origin}/token?service=stackyard&scope=repository:team/app:pull`;
      const { token } = (await (await fetch(url, { headers: basic('alice') })).json()) as { token: string };
      const [, payload = ''] = token.split('.');
      return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { access: unknown }).access;
    };
    assert.deepEqual(await scopes(), []);
    const grant = { grantee: 'user:alice', repositories: 'team/**', actions: ['pull'] };
    const { id } = (await (await admin('POST', '/grants', grant)).json()) as { id: string };
    assert.deepEqual(await scopes(), [{ type: 'repository', name: 'team/app', actions: ['pull'] }]);
    assert.equal((await admin('DELETE', `/grants/user:alice/${id}`)).status, 200);
    assert.deepEqual(await scopes(), []);
  });

  it('answers problems for paths and stores that are not there', async () => {
    const answer = await admin('GET', '/nothing');
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'application/problem+json']);
  });
});
