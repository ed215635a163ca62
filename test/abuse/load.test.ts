import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256, type Content } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { call, configBlob, manifestOf, openUpload, pushBlob, putManifest } from './api.js';
import { until } from './deadline.js';
import { isRunning, openBlobs, openFiles, residentMiB } from './process-facts.js';
import { Wire, head } from './wire.js';

const MIB = 1024 * 1024;
const IN_FLIGHT = 6;
/** One slot is kept from transfers. */
const TRANSFERS = IN_FLIGHT - 1;

describe('more than the server takes', function () {
  this.timeout(60_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer({
      env: {
        STACKYARD_SERVER_MAX_REQUESTS_IN_FLIGHT: String(IN_FLIGHT),
        STACKYARD_SERVER_HEADERS_TIMEOUT: '2s',
        // Requests wait half of it.
        STACKYARD_SERVER_BODY_IDLE_TIMEOUT: '4s',
      },
    });
  });
  after(async () => assert.equal(await server.stop(), 0));

  /** A request that the server handles until it is ended. */
  async function occupied(): Promise<Wire> {
    const location = await openUpload(server, 'load');
    const wire = await Wire.open(server);
    await wire.send(head('PATCH', location, { 'Content-Length': 5, Expect: '100-continue' }));
    assert.equal((await wire.answer()).status, 100, 'the request was taken');
    return wire;
  }

  /** Requests that take all slots: transfers, and a manifest that has the one kept from them. */
  async function full(): Promise<Wire[]> {
    const wires: Wire[] = [];
    for (let i = 0; i < TRANSFERS; i++) wires.push(await occupied());
    const last = await Wire.open(server);
    await last.send(head('PUT', '/v2/load/manifests/x', { 'Content-Length': 5, Expect: '100-continue' }));
    assert.equal((await last.answer()).status, 100);
    return [...wires, last];
  }

  /** Fails unless exactly as many requests are taken as may be: what ended before counts no more. */
  async function assertAllSlotsFree(): Promise<void> {
    const wires = await full();
    const over = await call(server, 'GET', '/v2/');
    assert.deepEqual([over.status, over.code, over.headers['retry-after']], [503, 'UNAVAILABLE', '1']);
    for (const [index, wire] of wires.entries()) {
      await wire.send('bytes');
      assert.equal((await wire.answer()).status, index < TRANSFERS ? 202 : 400);
      wire.socket.destroy();
    }
    await until(
      'the server takes requests again',
      async () => (await call(server, 'GET', '/v2/')).status === 200,
    );
  }

  it('answers 503 and Retry-After before the body, and goes on when there is room', async () => {
    await assertAllSlotsFree();
    const wires = await full();
    const waiting = await Wire.open(server);
    await waiting.send(
      head('PUT', '/v2/load/manifests/x', { 'Content-Length': 1000, Expect: '100-continue' }),
    );
    const body = Buffer.alloc(8 * MIB);
    const large = call(server, 'POST', `/v2/load/blobs/uploads/?digest=${sha256(body)}`, { body });
    const early = await waiting.answer();
    assert.deepEqual([early.status, early.headers.get('retry-after')], [503, '1']);
    await waiting.closed();
    assert.equal((await large).status, 503, 'a client that sends at once reads the answer too');
    assert.equal((await call(server, 'GET', '/healthz')).status, 200);
    for (const wire of wires) wire.reset();
    await until('there is room', async () => (await call(server, 'GET', '/v2/')).status === 200);
    await assertAllSlotsFree();
  });

  it('counts no request that is over, however it ended', async () => {
    const blob = await pushBlob(server, 'load', randomBytes(20 * MIB));
    const get = (target: string): string => head('GET', target);
    const endings: ((wire: Wire) => Promise<void> | void)[] = [
      (wire) => wire.end(),
      (wire) => wire.reset(),
      async (wire) => {
        await wire.send('junk that is no HTTP\r\n\r\n');
      },
    ];
    const shapes: string[] = [
      get('/v2/'),
      get(`/v2/load/blobs/${blob}`),
      get(`/v2/load/blobs/${blob}`).repeat(4),
      get('/v2/BAD/tags/list') + get('/v2/'),
      `${head('PUT', '/v2/BAD/manifests/x', { 'Content-Length': 100 })}{}`,
      `${head('PUT', '/v2/load/manifests/x', { 'Content-Length': 100 })}{}`,
      `${head('PUT', '/v2/load/manifests/x', { 'Transfer-Encoding': 'chunked' })}2\r\n{}`,
      head('POST', '/v2/load/blobs/uploads/', { 'Content-Length': 10, Expect: '100-continue' }),
      get(`/v2/load/blobs/${blob}`) + head('POST', '/v2/load/blobs/uploads/', { 'Content-Length': 10 }),
    ];
    const files = await openFiles(server.pid);
    for (const shape of shapes) {
      for (const ending of endings) {
        const wire = await Wire.open(server);
        wire.socket.pause();
        await wire.send(shape);
        // Time to be at it or done; descriptors of earlier connections may still be closing, so that none is to be seen.
        for (let waited = 0; waited < 200 && wire.socket.bytesRead === 0; waited += 20) {
          if ((await openFiles(server.pid)) > files) break;
          await delay(20);
        }
        await ending(wire);
        wire.socket.destroy();
      }
    }
    await until('files and sockets are closed', async () => (await openFiles(server.pid)) <= files);
    await assertAllSlotsFree();
  });

  it('leaks nothing when 200 connections come and go at random', async () => {
    await until('nothing is open', async () => (await call(server, 'GET', '/v2/')).status === 200);
    const blob = await pushBlob(server, 'load', randomBytes(5 * MIB));
    const files = await openFiles(server.pid);
    const random = seeded(4711);
    const behave = async (): Promise<void> => {
      const wire = await Wire.open(server);
      const texts = [
        '',
        'GET /v2/ HT',
        head('GET', '/v2/'),
        head('GET', `/v2/load/blobs/${blob}`),
        head('GET', `/v2/load/blobs/${blob}`).repeat(3),
        head('PATCH', '/v2/load/blobs/uploads/none', { 'Content-Length': 9999 }),
        head('HEAD', '/v2/load/tags/list'),
        '\u0000\u0001\r\n\r\n',
        head('POST', `/v2/load/blobs/uploads/?digest=${blob}`, { 'Content-Length': 5 * MIB }) +
          'x'.repeat(1000),
      ];
      if (random() < 0.5) wire.socket.pause();
      await wire.send(texts[Math.floor(random() * texts.length)] ?? '');
      await delay(random() * 30);
      if (random() < 0.5) wire.reset();
      else await wire.end();
      wire.socket.destroy();
    };
    let left = 200;
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        while (left-- > 0) await behave();
      }),
    );
    await until('files and sockets are closed', async () => (await openFiles(server.pid)) <= files);
    assert.ok(isRunning(server.pid));
    assert.ok((await residentMiB(server.pid)) < 350, `${await residentMiB(server.pid)} MiB`);
    await assertAllSlotsFree();
    assert.deepEqual(
      server.log.filter((line) => line['level'] === 'error'),
      [],
    );
  });
});

describe('pulls that are disturbed', function () {
  this.timeout(60_000);
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env: { STACKYARD_SERVER_BODY_IDLE_TIMEOUT: '1500ms' } });
  });
  after(async () => assert.equal(await server.stop(), 0));

  it('drops clients that stop reading, and holds little of what they asked for', async () => {
    const digest = await pushBlob(server, 'large', Buffer.alloc(100 * MIB, 'x'));
    const idle = await residentMiB(server.pid);
    const wires = await Promise.all(Array.from({ length: 16 }, () => Wire.open(server)));
    for (const wire of wires) {
      wire.socket.pause();
      await wire.send(head('GET', `/v2/large/blobs/${digest}`));
    }
    await until('all are being served', async () => (await openBlobs(server.pid)) === wires.length);
    let peak = 0;
    await until('the server gave them up', async () => {
      peak = Math.max(peak, await residentMiB(server.pid));
      return (await openBlobs(server.pid)) === 0;
    });
    // 1.6 GiB were asked for; each transfer may hold a few MiB.
    assert.ok(peak - idle < 160, `${Math.round(idle)} MiB became ${Math.round(peak)} MiB`);
    for (const wire of wires) wire.socket.destroy();
    assert.equal((await call(server, 'GET', '/v2/')).status, 200);
  });

  it('goes on for one that reads slowly', async () => {
    const blob = randomBytes(16 * MIB);
    const digest = await pushBlob(server, 'slow', blob);
    const wire = await Wire.open(server);
    const hash = createHash('sha256');
    let bytes = 0;
    let body = -1;
    wire.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      const start = body < 0 ? chunk.indexOf('\r\n\r\n') + 4 : 0;
      body = 0;
      hash.update(chunk.subarray(start));
      bytes += chunk.length - start;
      wire.socket.pause();
      setTimeout(() => wire.socket.resume(), 8);
    });
    const began = performance.now();
    await wire.send(head('GET', `/v2/slow/blobs/${digest}`));
    await until('all came', () => bytes === blob.length, 60_000);
    assert.ok(performance.now() - began > 2000, 'it outlasted the timeout');
    assert.equal(`sha256:${hash.digest('hex')}`, digest);
    wire.socket.destroy();
  });

  it('finishes a pull whose blob is deleted meanwhile', async () => {
    const blob = randomBytes(24 * MIB);
    const digest = await pushBlob(server, 'deleted', blob);
    const wire = await Wire.open(server);
    wire.socket.pause();
    await wire.send(head('GET', `/v2/deleted/blobs/${digest}`));
    await until('the blob is open', async () => (await openBlobs(server.pid)) === 1);
    const deleted = await call(server, 'DELETE', `/v2/deleted/blobs/${digest}`);
    assert.equal(deleted.status, 202);
    wire.socket.resume();
    const answer = await wire.answer();
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(blob), 'the pull is whole');
    assert.equal((await call(server, 'GET', `/v2/deleted/blobs/${digest}`)).status, 404);
    wire.socket.destroy();
  });

  it('answers each read of a tag that moves with one whole manifest, never an older one than was acknowledged', async () => {
    const config: Content = configBlob();
    await pushBlob(server, 'moving', config.bytes);
    const order = new Map<string, number>();
    const manifests = Array.from({ length: 200 }, (_, index) => {
      const manifest = manifestOf(config, `${index} ${'x'.repeat(index * 20)}`);
      order.set(manifest.digest, index);
      return manifest;
    });
    let acknowledged = -1;
    let moving = true;
    let reads = 0;
    const seen = new Set<number>();
    const read = async (): Promise<void> => {
      while (moving) {
        const least = acknowledged;
        const answer = await fetch(`${server.url}/v2/moving/manifests/latest`);
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (answer.status === 404 && least < 0) continue;
        assert.equal(answer.status, 200);
        const digest = sha256(bytes);
        assert.equal(answer.headers.get('docker-content-digest'), digest);
        assert.equal(answer.headers.get('etag'), `"${digest}"`);
        assert.equal(answer.headers.get('content-length'), String(bytes.length));
        const index = order.get(digest) ?? -1;
        assert.ok(index >= least, `read ${index} after ${least} was acknowledged`);
        seen.add(index);
        reads += 1;
        await delay(2); // leaves the writer its share of the processor
      }
    };
    const move = async (): Promise<void> => {
      try {
        for (const [index, manifest] of manifests.entries()) {
          assert.equal((await putManifest(server, 'moving', 'latest', manifest)).status, 201);
          acknowledged = index;
        }
      } finally {
        moving = false;
      }
    };
    await Promise.all([move(), ...Array.from({ length: 8 }, read)]);
    assert.ok(reads > 200 && seen.size > 20, `${reads} reads of ${seen.size} manifests`);
  });
});

/** A generator of numbers in [0, 1) that is the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
