import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { isUpstreamError } from '../../../src/mirror/upstream/upstream-error.js';
import { REPOSITORY, textOf, withUpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'blobs/sha256:x' } as const;
const MIB = 1024 * 1024;

describe('Bodies of an upstream', () => {
  const bed = withUpstreamBed();

  const raw = async (answer: string, thenEnd: boolean): Promise<string> => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(answer);
        if (thenEnd) socket.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const received = (): number =>
    bed().events.reduce((sum, event) => sum + (event.kind === 'received' ? event.bytes : 0), 0);
  const isBroken = (error: unknown): boolean =>
    isUpstreamError(error, 'unavailable') && /library\/busybox at hub .* failed: /.test(error.message);

  it('come as they are, and are counted', async () => {
    const content = Buffer.alloc(3 * MIB, 'x');
    const origin = await bed().origin((_, response) => response.end(content));
    const answer = await bed().client({ url: origin.url }).ask(QUESTION);
    assert.equal(answer.length, content.length);
    assert.equal(await textOf(answer.body), content.toString());
    assert.equal(received(), content.length);
  });

  it('come no faster than they are read', async () => {
    let sent = 0;
    const origin = await bed().origin((_, response) => {
      const chunk = Buffer.alloc(MIB);
      const write = (): void => {
        while (sent < 64) {
          sent += 1;
          if (!response.write(chunk)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    });
    const { body } = await bed().client({ url: origin.url }).ask(QUESTION);
    body.once('readable', () => undefined);
    let before = -1;
    while (before !== sent) {
      before = sent;
      for (let turn = 0; turn < 200; turn++) await setImmediate();
    }
    assert.ok(sent < 32, `${sent} MiB left the upstream unread`);
    assert.ok(received() < MIB);
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) size += chunk.length;
    assert.deepEqual([size, received()], [64 * MIB, 64 * MIB]);
  });

  it('fail where they break off, and count what came', async () => {
    const url = await raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this', true);
    const client = bed().client({ url });
    const { body } = await client.ask(QUESTION);
    await assert.rejects(textOf(body), isBroken);
    assert.equal(received(), 9);
    assert.deepEqual(
      bed().events.map(({ kind }) => kind),
      ['state', 'received', 'failed'],
    );
  });

  it('fail where their last chunk is missing', async () => {
    const url = await raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n', true);
    const { body } = await bed().client({ url }).ask(QUESTION);
    await assert.rejects(textOf(body), isBroken);
  });

  it('are no longer than they were announced', async () => {
    const url = await raw('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonly and much more', false);
    const { body, length } = await bed().client({ url }).ask(QUESTION);
    assert.deepEqual([length, await textOf(body)], [4, 'only']);
  });

  it('fail where they fall silent', async () => {
    const origin = await bed().origin((_, response) => void response.write('begun'));
    const { body } = await bed().client({ url: origin.url }, { idleTimeout: 100 }).ask(QUESTION);
    await assert.rejects(textOf(body), isBroken);
  });

  it('end the connection where they are destroyed, which is no failure', async () => {
    const origin = await bed().origin((_, response) => void response.write('begun'));
    const closed = once(origin.server, 'connection').then(([socket]) => once(socket as Socket, 'close'));
    const client = bed().client({ url: origin.url });
    const { body } = await client.ask(QUESTION);
    body.destroy();
    await closed;
    assert.equal(client.state().failure, undefined);
  });

  it('fail with the reason of the signal', async () => {
    const origin = await bed().origin((_, response) => void response.write('begun'));
    const leaver = new AbortController();
    const client = bed().client({ url: origin.url });
    const { body } = await client.ask({ ...QUESTION, signal: leaver.signal });
    const reading = textOf(body);
    const gone = new Error('gone');
    leaver.abort(gone);
    await assert.rejects(reading, gone);
    assert.equal(client.state().failure, undefined);
  });

  it('fail where the client is closed', async () => {
    const origin = await bed().origin((_, response) => void response.write('begun'));
    const client = bed().client({ url: origin.url });
    const { body } = await client.ask(QUESTION);
    const reading = textOf(body);
    await client.close();
    await assert.rejects(reading, isBroken);
  });
});
