import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { leaveOut } from '../support/requirement.js';
import { startServer } from '../support/server-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { call } from './api.js';
import { LaunchedServer } from './launched-server.js';

describe('starting', function () {
  this.timeout(60_000);
  let home: TemporaryDirectory;
  beforeEach(async () => (home = await temporaryDirectory('start')));
  afterEach(() => home.remove());

  /** Fails unless the start ends with the exit code and one line that says all of this. */
  async function refused(
    env: Record<string, string>,
    code: number,
    ...says: readonly RegExp[]
  ): Promise<void> {
    const server = await LaunchedServer.launch(home, env);
    const exit = await server.ended();
    assert.deepEqual([exit.code, exit.signal], [code, null], server.stderr);
    assert.match(server.stderr, /^stackyard: [^\n]+\n$/, 'one line');
    for (const what of says) assert.match(server.stderr, what);
    assert.deepEqual(
      server.log.filter((line) => line['msg'] === 'listening'),
      [],
    );
  }

  async function file(path: string, text: string): Promise<void> {
    await mkdir(join(home.path, path, '..'), { recursive: true });
    await writeFile(join(home.path, path), text);
  }

  for (const workers of ['1', '2']) {
    describe(`with ${workers} worker${workers === '1' ? '' : 's'}`, () => {
      const env = { STACKYARD_SERVER_WORKERS: workers };

      it('names the port and PORT where the port is taken', async () => {
        const holder: Server = createServer();
        await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
        const { port } = holder.address() as AddressInfo;
        try {
          await refused(
            { ...env, PORT: String(port) },
            1,
            new RegExp(`127\\.0\\.0\\.1:${port}\\b`),
            /taken/,
            /\bPORT\b/,
          );
        } finally {
          await new Promise((resolve) => holder.close(resolve));
        }
      });

      it('refuses a store of a newer release', async () => {
        await file(
          'data/stackyard/v1/format',
          JSON.stringify({ version: 2, origin: 'stackyard', shared: false }),
        );
        await refused(env, 1, /version 2/, /newer release/);
      });
    });
  }

  it('tells of a root that cannot be written, because a file is in its way', async () => {
    await file('data', 'a file');
    await refused({}, 1, /data|stackyard/);
  });

  it('refuses a store whose format cannot be read', async () => {
    await file('data/stackyard/v1/format', '{"versi');
    await refused({}, 1, /stackyard\/v1\/format/);
  });

  it('names HOST for an address that the machine has not', async () => {
    await refused({ HOST: '192.0.2.1', STACKYARD_AUTH_ALLOW_OPEN: 'true' }, 1, /192\.0\.2\.1/, /\bHOST\b/);
  });

  it('tells of a root on a file system that takes no directories', async () => {
    await refused({ STACKYARD_STORAGE_FILESYSTEM_ROOT: '/sys/stackyard' }, 1, /EPERM|EACCES|EROFS|ENOENT/);
  });

  it('refuses to be open to other machines unless told so', async () => {
    const hosts = ['0.0.0.0', '::', '192.0.2.1', 'registry.example'];
    await Promise.all(
      hosts.map((HOST) =>
        refused(
          { HOST },
          2,
          new RegExp(`'${HOST.replaceAll('.', '\\.')}'`),
          /allowOpen/,
          /STACKYARD_AUTH_ALLOW_OPEN/,
        ),
      ),
    );
  });

  it('refuses workers that would each have a memory of their own', async () => {
    await refused(
      { STACKYARD_STORAGE_DRIVER: 'memory', STACKYARD_SERVER_WORKERS: '2' },
      2,
      /workers/,
      /memory/,
    );
  });

  it('serves on IPv4 and on IPv6 loopback', async function () {
    const families = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    if (!families.some(({ address }) => address === '::1')) leaveOut(this, 'this machine has no ::1');
    for (const host of ['127.0.0.1', '::1', 'localhost']) {
      const server = await startServer({ host });
      assert.equal((await call(server, 'GET', '/v2/')).status, 200, host);
      assert.equal(await server.stop(), 0);
    }
  });

  it('serves from memory without touching the disk', async () => {
    const server = await startServer({
      root: join(home.path, 'none'),
      env: { STACKYARD_STORAGE_DRIVER: 'memory' },
    });
    assert.equal((await call(server, 'POST', '/v2/a/blobs/uploads/')).status, 202);
    assert.equal(await server.stop(), 0);
    await assert.rejects(mkdir(join(home.path, 'none/stackyard')), { code: 'ENOENT' });
  });
});
