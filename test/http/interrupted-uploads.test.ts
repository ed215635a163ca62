import assert from 'node:assert/strict';
import { StorageError } from '../../src/ports/storage-driver.js';
import { withFaults } from '../registry/faulty.js';
import { onEveryStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import { Client, digestOf, withDigest } from './client.js';
import type { Answer } from './client.js';
import { bytesOf } from './content.js';

const BYTES = bytesOf(300_000, 5);
const CUT = 100_000;

onEveryStore('interrupted uploads', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  /** Sends the head and the first bytes of a body, then cuts the connection; resolves when the server is done. */
  const cut = async (head: readonly string[], sent: Buffer): Promise<void> => {
    const done = requestDone(bench().node);
    const wire = await client.connect();
    wire.head(...head);
    await wire.write(sent);
    wire.socket.end();
    wire.destroy();
    await done;
  };

  /** The offset at which the session goes on. */
  const offsetOf = (status: Answer): number => {
    const end = Number(/^0-(\d+)$/.exec(status.expect(204).header('range'))?.[1]);
    return end === 0 ? 0 : end + 1;
  };

  const cuts: [string, (location: string) => string[], (sent: Buffer) => Buffer][] = [
    [
      'a PATCH with a length',
      (url) => [`PATCH ${url} HTTP/1.1`, `Content-Length: ${BYTES.length}`],
      (sent) => sent,
    ],
    [
      'a chunked PATCH',
      (url) => [`PATCH ${url} HTTP/1.1`, 'Transfer-Encoding: chunked'],
      (sent) => Buffer.concat([Buffer.from(`${BYTES.length.toString(16)}\r\n`), sent]),
    ],
    [
      'a PATCH with Content-Range',
      (url) => [
        `PATCH ${url} HTTP/1.1`,
        `Content-Length: ${BYTES.length}`,
        `Content-Range: 0-${BYTES.length - 1}`,
      ],
      (sent) => sent,
    ],
    [
      'a chunked closing PUT',
      (url) => [`PUT ${withDigest(url, digestOf(BYTES))} HTTP/1.1`, 'Transfer-Encoding: chunked'],
      (sent) => Buffer.concat([Buffer.from(`${BYTES.length.toString(16)}\r\n`), sent]),
    ],
  ];
  for (const [what, head, frame] of cuts) {
    it(`${what} that is cut keeps what was received; the client goes on from there`, async () => {
      const location = await client.openUpload('a');
      await cut(head(location), frame(BYTES.subarray(0, CUT)));
      const status = await client.get(location);
      const offset = offsetOf(status);
      assert.ok(offset > 0 && offset <= CUT, `${offset} bytes were kept`);
      const rest = (
        await client.patchChunk(status.header('location'), offset, BYTES.subarray(offset))
      ).expect(202);
      (await client.close(rest.header('location'), digestOf(BYTES))).expect(201);
      assert.ok((await client.get(`/v2/a/blobs/${digestOf(BYTES)}`)).body.equals(BYTES));
    });
  }

  it('a whole PUT that is cut stores nothing, and the session can be used again', async () => {
    const location = await client.openUpload('a');
    const url = withDigest(location, digestOf(BYTES));
    await cut([`PUT ${url} HTTP/1.1`, `Content-Length: ${BYTES.length}`], BYTES.subarray(0, CUT));
    (await client.head(`/v2/a/blobs/${digestOf(BYTES)}`)).expect(404);
    const status = await client.get(location);
    const rest = BYTES.subarray(offsetOf(status));
    (await client.close(status.header('location'), digestOf(BYTES), { body: rest })).expect(201);
  });

  it('a POST?digest that is cut stores nothing', async () => {
    const url = `/v2/a/blobs/uploads/?digest=${digestOf(BYTES)}`;
    for (const framing of [`Content-Length: ${BYTES.length}`, 'Transfer-Encoding: chunked']) {
      const prefix = Buffer.from(framing.startsWith('T') ? `${BYTES.length.toString(16)}\r\n` : '');
      await cut([`POST ${url} HTTP/1.1`, framing], Buffer.concat([prefix, BYTES.subarray(0, CUT)]));
      (await client.head(`/v2/a/blobs/${digestOf(BYTES)}`)).expect(404);
    }
  });

  it('a cut upload is resumed by a restarted server, and closed by a third', async () => {
    const location = await client.openUpload('a');
    const head = [`PATCH ${location} HTTP/1.1`, `Content-Length: ${BYTES.length}`];
    await cut(head, BYTES.subarray(0, CUT));
    const second = new Client(await bench().another());
    const status = await second.get(location);
    const offset = offsetOf(status);
    const rest = (await second.patchChunk(status.header('location'), offset, BYTES.subarray(offset))).expect(
      202,
    );
    const third = new Client(await bench().another());
    (await third.close(rest.header('location'), digestOf(BYTES))).expect(201);
    (await third.close(rest.header('location'), digestOf(BYTES))).expect(201);
    assert.ok((await client.get(`/v2/a/blobs/${digestOf(BYTES)}`)).body.equals(BYTES));
  });

  it('a half-open PATCH does not keep another from going on, and cannot harm it later', async () => {
    const location = await client.patch(await client.openUpload('a'), BYTES.subarray(0, CUT));
    const wire = await client.connect();
    const stuck = requestDone(bench().node);
    wire.head(`PATCH ${location} HTTP/1.1`, `Content-Length: ${BYTES.length}`);
    await wire.write(Buffer.alloc(50_000, 'x'));
    const next = (await client.patchChunk(location, CUT, BYTES.subarray(CUT))).expect(202);
    await wire.write(Buffer.alloc(50_000, 'y'));
    wire.destroy();
    await stuck;
    assert.equal((await client.get(location)).header('range'), `0-${BYTES.length - 1}`);
    (await client.close(next.header('location'), digestOf(BYTES))).expect(201);
    assert.ok((await client.get(`/v2/a/blobs/${digestOf(BYTES)}`)).body.equals(BYTES));
  });

  it('Expect: 100-continue: a refused chunk is answered before any body is sent', async () => {
    const location = await client.patch(await client.openUpload('a'), BYTES);
    const wire = await client.connect();
    wire.head(
      `PATCH ${location} HTTP/1.1`,
      'Content-Length: 10',
      'Content-Range: 5-14',
      'Expect: 100-continue',
    );
    assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 416 /);
    wire.destroy();
    const second = await client.connect();
    second.head(`PATCH ${location} HTTP/1.1`, 'Content-Length: 3', 'Expect: 100-continue');
    assert.match(await second.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await second.write('abc');
    assert.match(
      await second.until(/HTTP\/1\.1 202 [^]*\r\n\r\n/),
      new RegExp(`Range: 0-${BYTES.length + 2}\r\n`),
    );
    second.destroy();
  });
});

onEveryStore('uploads at which the storage fails', (bench) => {
  const SEGMENT = 40_000;
  const KEPT = 2 * SEGMENT;
  const AWAY = new StorageError('UNAVAILABLE', 'a segment is away', { retryAfter: 7 });
  const BUSY = new StorageError('THROTTLED', 'slow down', { retryAfter: 9 });
  let here: Client;
  let elsewhere: Client;
  /** What the third append from now fails with, once. */
  let failure: StorageError | undefined;
  let recordsFail: boolean;
  beforeEach(async () => {
    failure = undefined;
    recordsFail = false;
    const driver = bench().store.driver();
    const { segments } = driver;
    let appends = 0;
    const failing = withFaults(driver, {
      limits: { ...driver.limits, segmentBytes: SEGMENT },
      put: async (...call) => {
        if (recordsFail) throw new StorageError('UNAVAILABLE', 'the record is away');
        return driver.put(...call);
      },
      segments: withFaults(segments, {
        append: async (set, recorded, body, options) => {
          appends += 1;
          if (failure === undefined || appends < 3) return segments.append(set, recorded, body, options);
          const error = failure;
          failure = undefined;
          await body[Symbol.asyncIterator]().next();
          throw error;
        },
      }),
    });
    here = new Client(await bench().another({ driver: failing }));
    elsewhere = new Client(await bench().another());
  });

  const sends: [string, (location: string) => Promise<Answer>][] = [
    ['a PATCH with a length', (url) => here.call('PATCH', url, { body: BYTES })],
    ['a chunked PATCH', (url) => here.call('PATCH', url, { body: [BYTES] })],
    ['a PATCH with Content-Range', (url) => here.patchChunk(url, 0, BYTES)],
    ['a chunked closing PUT', (url) => here.close(url, digestOf(BYTES), { body: [BYTES] })],
  ];
  for (const [what, send] of sends) {
    for (const where of ['here', 'elsewhere']) {
      it(`${what} keeps its whole segments; the client goes on from there ${where}`, async () => {
        const next = where === 'here' ? here : elsewhere;
        failure = where === 'here' ? AWAY : BUSY;
        const location = await here.openUpload('a');
        const refused = (await send(location)).expectError(503, 'UNAVAILABLE');
        assert.equal(refused.header('retry-after'), where === 'here' ? '7' : '9');
        const status = (await next.get(location)).expect(204);
        assert.equal(status.header('range'), `0-${KEPT - 1}`);
        const rest = await next.patchChunk(status.header('location'), KEPT, BYTES.subarray(KEPT, 150_000));
        const last = { body: BYTES.subarray(150_000) };
        (await next.close(rest.expect(202).header('location'), digestOf(BYTES), last)).expect(201);
        assert.ok((await next.get(`/v2/a/blobs/${digestOf(BYTES)}`)).body.equals(BYTES));
      });
    }
  }

  it('the first failure is told where the record fails too, and nothing is kept', async () => {
    failure = AWAY;
    const location = await here.openUpload('a');
    recordsFail = true;
    const refused = (await here.call('PATCH', location, { body: BYTES })).expectError(503, 'UNAVAILABLE');
    assert.equal(refused.header('retry-after'), '7');
    recordsFail = false;
    assert.equal((await here.get(location)).expect(204).header('range'), '0-0');
  });

  it('a POST?digest by segments fails as a whole', async () => {
    failure = AWAY;
    const url = `/v2/a/blobs/uploads/?digest=${digestOf(BYTES)}`;
    (await here.call('POST', url, { body: [BYTES] })).expectError(503, 'UNAVAILABLE');
    (await here.head(`/v2/a/blobs/${digestOf(BYTES)}`)).expect(404);
  });
});

/** Resolves when the storage has seen the end of the next upload request, whatever became of it. */
function requestDone(node: RegistryNode): Promise<void> {
  const { uploads } = node.registry;
  return new Promise((resolve) => {
    for (const method of ['append', 'finish', 'putWhole'] as const) {
      const original = uploads[method].bind(uploads) as (...call: unknown[]) => Promise<unknown>;
      const watched = (...call: unknown[]): Promise<unknown> =>
        original(...call).finally(() => setImmediate(resolve));
      Object.defineProperty(uploads, method, { value: watched, configurable: true, writable: true });
    }
  });
}
