import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { CountingProxy, Line, RequestCount } from './counting-proxy.js';

const BODY = Buffer.alloc(300_000, 'x');

describe('CountingProxy', () => {
  let server: Server;
  let proxy: CountingProxy;
  let agent: Agent;

  before(async () => {
    server = createServer((_request, response) => response.end(BODY));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await CountingProxy.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    agent = new Agent({ connections: 2 });
  });

  after(async () => {
    await agent.close();
    await proxy.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function pull(): Promise<Buffer> {
    const { body } = await request(`${proxy.url}/x`, { dispatcher: agent });
    return Buffer.from(await body.arrayBuffer());
  }

  it('gives what the server gives, and counts its bytes and the requests', async () => {
    const before = proxy.traffic;
    const bodies = await Promise.all([pull(), pull(), pull()]);
    for (const body of bodies) assert.ok(body.equals(BODY));
    const { bytes, requests } = proxy.traffic;
    assert.equal(requests - before.requests, 3);
    const heads = bytes - before.bytes - 3 * BODY.byteLength;
    assert.ok(heads > 0 && heads < 3000, `${heads} bytes of heads`);
  });

  it('gives the same bytes when it is slow', async () => {
    proxy.limit = 3_000_000;
    assert.ok((await pull()).equals(BODY));
    proxy.limit = undefined;
  });

  it('ends the connection of a client whose server is gone', async () => {
    const gone = await CountingProxy.start({ host: '127.0.0.1', port: 1 });
    await assert.rejects(request(`${gone.url}/x`, { dispatcher: agent }));
    await gone.stop();
  });
});

describe('Line', () => {
  it('lets chunks wait for those before them, whoever sent them', () => {
    const line = new Line();
    assert.equal(line.wait(100, 1000, 5000), 100);
    assert.equal(line.wait(100, 1000, 5000), 200);
    assert.equal(line.wait(100, 1000, 5150), 150);
  });

  it('saves nothing up while nobody sends', () => {
    const line = new Line();
    line.wait(100, 1000, 0);
    assert.equal(line.wait(100, 1000, 9000), 100);
  });
});

describe('RequestCount', () => {
  it('finds the ends of heads however they are cut', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /x HTTP/1.1\r\nHost: a\r\n\r\n';
    for (const size of [1, 2, 3, 7, text.length]) {
      const count = new RequestCount();
      let found = 0;
      for (let at = 0; at < text.length; at += size)
        found += count.add(Buffer.from(text.slice(at, at + size)));
      assert.equal(found, 2, `in chunks of ${size}`);
    }
  });
});
