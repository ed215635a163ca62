import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startAlternatingProxy, type AlternatingProxy } from '../../conformance/alternating-proxy.js';

describe('the alternating proxy', () => {
  const servers: Server[] = [];
  let proxy: AlternatingProxy;

  before(async () => {
    for (const name of ['a', 'b']) {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body = Buffer.concat(chunks);
          response.writeHead(202, { 'x-back-end': name, location: `${request.url}?next` });
          response.end(request.method === 'HEAD' ? undefined : body);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
    }
    proxy = await startAlternatingProxy(
      servers.map((server) => ({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })),
    );
  });

  after(async () => {
    await proxy.stop();
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('sends consecutive requests to different back ends and passes bodies and headers on', async () => {
    const seen: (string | null)[] = [];
    for (let i = 0; i < 4; i++) {
      const body = Buffer.alloc(300_000, i);
      const answer = await fetch(`http://${proxy.authority}/path`, { method: 'PATCH', body });
      assert.equal(answer.status, 202);
      assert.equal(answer.headers.get('location'), '/path?next');
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body));
      seen.push(answer.headers.get('x-back-end'));
    }
    assert.deepEqual(seen, ['a', 'b', 'a', 'b']);
    assert.deepEqual(proxy.sent, [2, 2]);
  });
});
