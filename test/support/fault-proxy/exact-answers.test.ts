import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { head, Wire } from '../../abuse/wire.js';
import { startFaultProxy } from './fault-proxy.js';

const ANSWERS = {
  'a body that ends with the connection': 'HTTP/1.1 200 As It Was\r\nx-lower: 1\r\n\r\nbody',
  'no body and no length': 'HTTP/1.1 204 No Content\r\nX-Trans-Id: tx1\r\n\r\n',
  'chunks, and a header twice':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nx-a: 2\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
  'bytes that are not ASCII':
    'HTTP/1.1 499 Client\r\nX-Meta: na\u00c3\u00afve\r\nContent-Length: 1\r\n\r\n\u00ff',
};

describe('the fault proxy: answers of the real server', () => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    it(`stay as they are: ${name}`, async () => {
      const server = createServer((socket) => {
        socket.once('data', () => socket.end(answer, 'latin1'));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const proxy = await startFaultProxy({ target: new URL(`http://127.0.0.1:${port}`) });
      const wire = await Wire.open({ host: '127.0.0.1', port: Number(new URL(proxy.origin).port) });
      await wire.send(head('GET', '/', { Connection: 'close' }));
      await wire.closed();
      assert.equal(wire.rest.toString('latin1'), answer);
      await proxy.stop();
      server.close();
    });
  }
});
