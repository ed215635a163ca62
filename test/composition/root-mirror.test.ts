import assert from 'node:assert/strict';
import { get } from 'node:https';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Authority } from '../support/authority.js';
import { startServer } from '../support/server-process.js';
import type { ServerProcess } from '../support/server-process.js';
import { temporaryDirectory } from '../support/temporary.js';

const ROOT = {
  STACKYARD_MIRROR_UPSTREAMS: 'docker.io',
  STACKYARD_MIRROR_ROOT_PORT: '0',
  STACKYARD_MIRROR_ROOT_NETWORKS: '127.0.0.0/8',
};

type Line = ServerProcess['log'][number];

/** Once it is written. */
async function lineOf({ log }: ServerProcess, isIt: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const line = log.find(isIt);
    if (line !== undefined) return line;
    await setImmediate();
  }
}

/** Where it is. */
function served(server: ServerProcess): Promise<Line> {
  return lineOf(server, ({ msg }) => msg === 'the root mirror is served');
}

describe('the listener of the root mirror', function () {
  this.timeout(60_000);
  let server: ServerProcess | undefined;
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  for (const workers of [1, 2]) {
    it(`is beside that of the server, with ${workers} worker${workers === 1 ? '' : 's'}`, async () => {
      server = await startServer({ workers, env: ROOT });
      const line = await served(server);
      assert.equal(line['upstream'], 'docker.io');
      assert.equal(line['address'], '127.0.0.1');
      assert.notEqual(line['port'], server.port);
      const root = `http://127.0.0.1:${String(line['port'])}`;
      for (let times = 0; times < 2 * workers; times++) {
        const base = await fetch(`${root}/v2/`, { headers: { connection: 'close' } });
        assert.deepEqual([base.status, await base.json()], [200, {}]);
        assert.equal((await fetch(`${root}/healthz`)).status, 404);
        assert.equal((await fetch(`${root}/v2/a/manifests/b`, { method: 'PUT' })).status, 405);
        assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
      }
      const refused = await lineOf(server, ({ path, status }) => path === '/healthz' && status === 404);
      assert.equal(refused['code'], 'UNSUPPORTED');
      assert.equal(await server.stop(), 0);
      server = undefined;
    });

    it(`names its port where that is taken, with ${workers} worker${workers === 1 ? '' : 's'}`, async () => {
      const holder = createServer();
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
      const { port } = holder.address() as AddressInfo;
      try {
        const env = { ...ROOT, STACKYARD_MIRROR_ROOT_PORT: String(port) };
        await assert.rejects(
          startServer({ workers, env }),
          new RegExp(`127\\.0\\.0\\.1:${port}: the port is taken; .*set mirror\\.root\\.port to a free one`),
        );
      } finally {
        await new Promise((resolve) => holder.close(resolve));
      }
    });
  }

  it('refuses clients of other networks, and starts nothing without a configured upstream', async () => {
    server = await startServer({ env: { ...ROOT, STACKYARD_MIRROR_ROOT_NETWORKS: '10.0.0.0/8' } });
    const { port } = await served(server);
    assert.equal((await fetch(`http://127.0.0.1:${String(port)}/v2/`)).status, 403);
    const others = { ...ROOT, STACKYARD_MIRROR_UPSTREAMS: 'quay.io' };
    await assert.rejects(startServer({ env: others }), /mirror\.root\.upstream .*add it there/);
  });

  it('is the one of the server for its host names', async () => {
    const names = { STACKYARD_MIRROR_ROOT_PORT: '', STACKYARD_MIRROR_ROOT_NAMES: 'localhost' };
    server = await startServer({ env: { ...ROOT, ...names } });
    const line = await served(server);
    assert.deepEqual([line['port'], line['names']], [server.port, ['localhost']]);
    assert.equal((await fetch(`http://localhost:${server.port}/healthz`)).status, 404);
    assert.equal((await fetch(`http://localhost:${server.port}/v2/`)).status, 200);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  });

  it('has the certificate of the server', async function () {
    const home = await temporaryDirectory('root-tls');
    try {
      const authority = await Authority.create(this, home.path);
      await authority.issue('server', 'hub');
      const at = (name: string): string => join(home.path, name);
      const env = {
        ...ROOT,
        STACKYARD_SERVER_TLS_CERTIFICATE: at('server.pem'),
        STACKYARD_SERVER_TLS_KEY: at('server.key'),
      };
      server = await startServer({ env });
      const port = Number((await served(server))['port']);
      const ca = await readFile(at('ca.pem'));
      const status = await new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path: '/v2/', ca, agent: false }, (res) => {
          res.resume();
          resolve(res.statusCode);
        }).on('error', reject);
      });
      assert.equal(status, 200);
    } finally {
      await home.remove();
    }
  });
});
