import assert from 'node:assert/strict';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { call } from './api.js';
import { until } from './deadline.js';
import { Wire, head } from './wire.js';

describe('a request that waits for a full server', function () {
  this.timeout(60_000);
  let server: ServerProcess | undefined;
  let holder: Wire;
  let waiting: Wire;

  /** A server of one slot, which a manifest holds that never ends, and a request that waits for it. */
  async function waitAt(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    server = await startServer({ env: { STACKYARD_SERVER_MAX_REQUESTS_IN_FLIGHT: '1', ...env } });
    holder = await Wire.open(server);
    await holder.send(head('PUT', '/v2/a/manifests/x', { 'Content-Length': 1000, Expect: '100-continue' }));
    assert.equal((await holder.answer()).status, 100);
    waiting = await Wire.open(server);
    await waiting.send(head('GET', '/v2/'));
    return server;
  }
  afterEach(async () => {
    holder.socket.destroy();
    waiting.socket.destroy();
    await server?.stop();
    server = undefined;
  });

  it('is answered 503 before its connection counts as idle', async () => {
    await waitAt({ STACKYARD_SERVER_BODY_IDLE_TIMEOUT: '4s' });
    const answer = await waiting.answer();
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
  });

  it('is answered 503 when the server stops and the slot is not free in time', async () => {
    const stopping = await waitAt({ STACKYARD_SERVER_DRAIN_TIMEOUT: '1s' });
    // Beside the one that waits no other does: what is refused at once shows that it came.
    await until('it waits', async () => (await call(stopping, 'GET', '/v2/')).status === 503);
    await stopping.kill('SIGTERM');
    const answer = await waiting.answer();
    assert.deepEqual([answer.status, answer.headers.get('connection')], [503, 'close']);
    await holder.closed();
  });
});
