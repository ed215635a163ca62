import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256 } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { call, closing, locationOf, openUpload } from './api.js';
import { until } from './deadline.js';
import { LaunchedServer } from './launched-server.js';
import { childrenOf, isRunning } from './process-facts.js';
import { Wire, head, type Endpoint } from './wire.js';

const SIZE = 400_000;

for (const workers of ['1', '2']) {
  describe(`stopping with ${workers} worker${workers === '1' ? '' : 's'}`, function () {
    this.timeout(60_000);
    let home: TemporaryDirectory;
    let server: LaunchedServer;
    let endpoint: Endpoint;
    /** A server started on the same store afterwards. */
    let next: ServerProcess | undefined;

    async function start(drainTimeout: string, drainDelay = '0s'): Promise<void> {
      server = await LaunchedServer.launch(home, {
        STACKYARD_SERVER_WORKERS: workers,
        STACKYARD_SERVER_DRAIN_TIMEOUT: drainTimeout,
        STACKYARD_SERVER_DRAIN_DELAY: drainDelay,
      });
      endpoint = await server.listening();
    }

    beforeEach(async () => (home = await temporaryDirectory('drain')));
    afterEach(async () => {
      await server.dispose();
      await next?.stop();
      next = undefined;
      await home.remove();
    });

    /** An upload of which the server has begun to take the body. */
    async function uploading(blob: Buffer): Promise<{ wire: Wire; location: string }> {
      const location = await openUpload(endpoint, 'drained');
      const wire = await Wire.open(endpoint);
      await wire.send(head('PATCH', location, { 'Content-Length': blob.length, Expect: '100-continue' }));
      assert.equal((await wire.answer()).status, 100);
      await wire.send(blob.subarray(0, SIZE / 2));
      return { wire, location };
    }

    it('finishes and acknowledges an upload in flight, refuses new connections, and ends well', async () => {
      await start('30s');
      const blob = randomBytes(SIZE);
      const silent = await Wire.open(endpoint);
      const idle = await Wire.open(endpoint);
      await idle.send(head('GET', '/v2/'));
      assert.equal((await idle.answer()).status, 200);
      const { wire } = await uploading(blob);
      server.signal('SIGTERM');
      await until('new connections are refused', () => isRefused(endpoint));
      await Promise.all([silent.closed(), idle.closed()]);
      await wire.send(blob.subarray(SIZE / 2));
      const patched = await wire.answer();
      assert.equal(patched.status, 202);
      await delay(300); // A client hashes what it sent, say.
      const target = closing(patched.headers.get('location') ?? '', sha256(blob));
      await wire.send(head('PUT', target, { 'Content-Length': 0 }));
      const closed = await wire.answer();
      assert.equal(closed.status, 201, 'the connection that was there takes the upload to its end');
      assert.equal(closed.headers.get('connection'), 'close');
      const began = performance.now();
      assert.deepEqual(await server.ended(), { code: 0, signal: null });
      assert.ok(
        performance.now() - began < 5000,
        'it does not wait for its limit when there is nothing to wait for',
      );
      assert.equal(server.stderr, '');

      next = await startServer({ root: `${home.path}/data` });
      const pulled = await call(next, 'GET', `/v2/drained/blobs/${sha256(blob)}`);
      assert.ok(pulled.body.equals(blob));
    });

    it('cuts an upload at the limit, keeps what came, and ends well', async () => {
      await start('600ms');
      const blob = randomBytes(SIZE);
      const { wire, location } = await uploading(blob);
      server.signal('SIGTERM');
      const began = performance.now();
      await wire.closed();
      assert.ok(performance.now() - began > 500, 'it had its time');
      assert.deepEqual(await server.ended(), { code: 0, signal: null });
      assert.equal(server.stderr, '');

      next = await startServer({ root: `${home.path}/data` });
      const status = await call(next, 'GET', location);
      assert.deepEqual([status.status, status.headers['range']], [204, `0-${SIZE / 2 - 1}`]);
      const rest = blob.subarray(SIZE / 2);
      const closed = await call(next, 'PUT', closing(locationOf(status), sha256(blob)), { body: rest });
      assert.equal(closed.status, 201);
    });

    it('takes new connections while a balancer turns away, is not ready, and ends each connection', async () => {
      await start('30s', '2s');
      const idle = await Wire.open(endpoint);
      server.signal('SIGTERM');
      await until('it is not ready', async () => (await call(endpoint, 'GET', '/readyz')).status === 503);
      await idle.send(head('GET', '/v2/'));
      const answer = await idle.answer();
      assert.deepEqual([answer.status, answer.headers.get('connection')], [200, 'close']);
      const blob = randomBytes(SIZE);
      const location = locationOf(await call(endpoint, 'POST', '/v2/drained/blobs/uploads/'));
      const closed = await call(endpoint, 'PUT', closing(location, sha256(blob)), { body: blob });
      assert.equal(closed.status, 201);
      assert.deepEqual(await server.ended(), { code: 0, signal: null });
      assert.equal(await isRefused(endpoint), true);
    });

    it('drains when the whole group is signalled, as systemd does', async () => {
      await start('30s');
      const blob = randomBytes(SIZE);
      const { wire } = await uploading(blob);
      const others = await childrenOf(server.pid);
      for (const pid of others) process.kill(pid, 'SIGTERM');
      if (others.length > 0) await until('the workers drain', () => isRefused(endpoint));
      server.signal('SIGTERM');
      await server.logged('draining');
      await until('new connections are refused', () => isRefused(endpoint));
      await wire.send(blob.subarray(SIZE / 2));
      assert.equal((await wire.answer()).status, 202);
      assert.deepEqual(await server.ended(), { code: 0, signal: null });
    });

    it('ends at once on a second signal', async () => {
      await start('60s');
      const { wire } = await uploading(randomBytes(SIZE));
      const others = await childrenOf(server.pid);
      assert.equal(others.length, workers === '1' ? 0 : 2);
      server.signal('SIGTERM');
      await server.logged('draining');
      server.signal('SIGTERM');
      const began = performance.now();
      const exit = await server.ended();
      assert.ok(exit.signal === 'SIGTERM' || exit.code !== null);
      await wire.closed();
      await until('its workers ended too', () => others.every((pid) => !isRunning(pid)));
      assert.ok(performance.now() - began < 10_000);
    });
  });
}

function isRefused({ host, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
