import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemIds } from '../../src/composition/system.js';
import { SwiftClient } from '../../storage-drivers/swift/swift-client.js';

describe('storage-drivers/swift/swift-client', () => {
  let server: Server;
  let client: SwiftClient;
  let asked = 0;
  /** Of the answer; 0 resets the connection. */
  let status: number;

  before(async () => {
    server = createServer((req, res) => {
      asked += 1;
      if (status === 0) req.socket.resetAndDestroy();
      else res.writeHead(status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const storageUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/AUTH_test`);
    client = new SwiftClient({
      tokens: { access: async () => ({ token: 'token', storageUrl }), refuse: () => undefined },
      clock: systemClock,
      ids: systemIds,
      times: { connect: 5000, request: 5000, retry: 400 },
      container: 'registry',
    });
  });
  after(async () => {
    await client.close();
    server.close();
  });
  beforeEach(() => (asked = 0));

  for (const [what, of] of [
    ['503', 503],
    ['a connection that breaks off', 0],
  ] as const) {
    it(`repeats after ${what} for its time, and never what is asked once`, async () => {
      status = of;
      const head = { method: 'HEAD', object: 'format' } as const;
      await assert.rejects(client.sendForHead(head), { code: 'UNAVAILABLE' });
      assert.ok(asked > 1, `${asked} requests`);
      asked = 0;
      await assert.rejects(client.sendForHead({ ...head, once: true }), { code: 'UNAVAILABLE' });
      assert.equal(asked, 1);
    });
  }
});
