import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemIds } from '../../src/composition/system.js';
import { StreamedPuts } from '../../storage-drivers/swift/streamed-put.js';
import type { OpenPut } from '../../storage-drivers/swift/streamed-put.js';
import { SwiftClient } from '../../storage-drivers/swift/swift-client.js';
import { bytesOf } from '../http/content.js';
import { FakeClock } from '../support/in-process.js';

const KIB = 1024;
const BODY = bytesOf(3000 * KIB, 1);

type Receive = (req: IncomingMessage) => Promise<Buffer>;

/** Against a plain server: what is sent when cannot be seen at Swift. */
describe('swift driver: streamed PUTs', () => {
  let server: Server;
  let receive: Receive;
  let received: Buffer;
  let client: SwiftClient;
  let puts: StreamedPuts;
  const clock = new FakeClock();

  beforeEach(async () => {
    received = Buffer.alloc(0);
    server = createServer((req, res) => {
      void receive(req).then((bytes) => {
        received = bytes;
        res.writeHead(201).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const access = { token: 'token', storageUrl: new URL(`http://127.0.0.1:${port}/v1/account`) };
    client = new SwiftClient({
      tokens: { access: () => Promise.resolve(access), refuse: () => undefined },
      clock,
      ids: systemIds,
      times: { connect: 1000, request: 2000, retry: 1000 },
      container: 'container',
    });
    puts = new StreamedPuts(client);
  });

  afterEach(async () => {
    puts.close();
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  async function open(length?: number): Promise<OpenPut> {
    const put = await puts.open({ object: 'object', ...(length !== undefined && { length }) });
    assert.ok(put);
    return put;
  }

  const readers: Record<string, Receive> = {
    'reads at once': (req) => bytesFrom(req, 0),
    'reads slowly': (req) => bytesFrom(req, 2),
  };
  for (const [what, read] of Object.entries(readers)) {
    for (const chunk of [1000, 32 * KIB, 700 * KIB]) {
      for (const length of [BODY.byteLength, undefined]) {
        it(`chunks of ${chunk} bytes, ${length === undefined ? 'no' : 'a'} length, Swift ${what}`, async () => {
          receive = read;
          const put = await open(length);
          for (let offset = 0; offset < BODY.byteLength; offset += chunk) {
            await put.write(new Uint8Array());
            await put.write(BODY.subarray(offset, offset + chunk));
          }
          assert.equal((await put.end()).status, 201);
          assert.ok(received.equals(BODY));
        });
      }
    }
  }

  it("a slow sender's bytes are on their way within seconds", async () => {
    let arrived = 0;
    receive = async (req) => {
      req.on('data', (bytes: Buffer) => (arrived += bytes.byteLength));
      await once(req, 'end');
      return BODY;
    };
    const put = await open();
    await put.write(BODY.subarray(0, 1000));
    await delay(50);
    assert.equal(arrived, 0);
    clock.advance(5000);
    await put.write(BODY.subarray(1000, 1010));
    while (arrived < 1010) await delay(5);
    await put.end();
  });

  it('an answer before the end of the body ends it', async () => {
    receive = (req) => {
      req.resume();
      return Promise.resolve(BODY);
    };
    const put = await open();
    for (let offset = 0; offset < BODY.byteLength; offset += KIB) {
      await put.write(BODY.subarray(offset, offset + KIB));
      if (offset % (256 * KIB) === 0) await delay(5);
    }
    assert.equal((await put.end()).status, 201);
  });
});

async function bytesFrom(req: IncomingMessage, pause: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) {
    chunks.push(chunk as Buffer);
    if (pause > 0) await delay(pause);
  }
  return Buffer.concat(chunks);
}
