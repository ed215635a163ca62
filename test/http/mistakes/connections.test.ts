import assert from 'node:assert/strict';
import { DAY, onEveryStore } from '../../support/in-process.js';
import { Client, digestOf } from '../client.js';
import { bytesOf } from '../content.js';

const MIB = 1024 * 1024;

onEveryStore('mistakes in connections', (bench) => {
  let client: Client;
  beforeEach(() => {
    client = new Client(bench().node);
  });

  it('10. Buffering uploads: streamed, with back-pressure', async () => {
    const { driver } = bench().node;
    const gate = new Gate();
    const append = driver.segments.append.bind(driver.segments);
    driver.segments.append = (set, recorded, body, options) =>
      append(set, recorded, gate.hold(body), options);
    const location = await client.openUpload('a');
    const wire = await client.connect();
    const total = 64 * MIB;
    wire.head(`PATCH ${location} HTTP/1.1`, `Content-Length: ${total}`);
    const chunk = Buffer.alloc(MIB);
    let sent = 0;
    while (sent < total && wire.socket.write(chunk)) sent += chunk.byteLength;
    // The store takes nothing: what the sender could get rid of lies in socket buffers and a stream or two.
    while (sent < total && (await drained(wire.socket)))
      wire.socket.write(chunk, () => (sent += chunk.byteLength));
    assert.ok(sent < 24 * MIB, `${sent / MIB} MiB were taken though the store took nothing`);
    assert.equal(gate.passed, 0);
    wire.destroy();
    gate.open();
  });

  it('40. Slow finalise: the closing PUT of 32 MiB moves and reads no bytes', async () => {
    const { node } = bench();
    const bytes = bytesOf(32 * MIB);
    const location = await client.patch(await client.openUpload('a'), bytes);
    const counts = await node.countOf(async () =>
      (await client.close(location, digestOf(bytes))).expect(201),
    );
    assert.equal(counts['segments.read'] ?? 0, 0);
    assert.equal(counts['segments.append'] ?? 0, 0);
    assert.equal(counts['segments.commit'], 1);
  });

  it('40. Idle timeouts: no limit on a whole request, connections idle for 95 s', () => {
    const { server } = bench().node;
    assert.equal(server.requestTimeout, 0);
    assert.ok(server.keepAliveTimeout > 90_000);
  });

  it('40. 16 KB header limit: 30 KB of headers pass', async () => {
    (await client.get('/v2/', { authorization: `Bearer ${'x'.repeat(30_000)}` })).expect(200);
  });

  const tooLate: [string, (location: string) => string[]][] = [
    [
      'PATCH at a wrong offset',
      (location) => [`PATCH ${location} HTTP/1.1`, `Content-Range: 5-${8 * MIB + 4}`],
    ],
    ['PATCH of no session', () => ['PATCH /v2/a/blobs/uploads/none HTTP/1.1']],
    ['a manifest too large', () => ['PUT /v2/a/manifests/t HTTP/1.1']],
    ['a name that is none', () => ['PATCH /v2/A/blobs/uploads/none HTTP/1.1']],
    ['a method that is none', () => ['PUT /v2/a/tags/list HTTP/1.1']],
  ];
  for (const [what, lines] of tooLate) {
    it(`40. Drain the body on early errors: whoever sends 8 MiB before reading gets the answer to ${what}`, async () => {
      const location = await client.openUpload('a');
      const wire = await client.connect();
      wire.socket.pause();
      wire.head(...lines(location), `Content-Length: ${8 * MIB}`);
      for (let sent = 0; sent < 8; sent++) await wire.write(Buffer.alloc(MIB));
      wire.socket.resume();
      assert.match(await wire.until(/\r\n\r\n\{"errors":\[.*\}\]\}/), /^HTTP\/1\.1 4\d\d /);
      wire.destroy();
    });
  }

  it('40. Lock each session: of two PATCHes at one offset one gets 416', async () => {
    const location = await client.openUpload('a');
    const bodies = [bytesOf(3 * MIB, 1), bytesOf(2 * MIB, 2)];
    const answers = await Promise.all(bodies.map((body) => client.call('PATCH', location, { body })));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 416]);
    const winner = answers.findIndex(({ status }) => status === 202);
    const body = bodies[winner] ?? Buffer.alloc(0);
    assert.equal(answers[1 - winner]?.header('range'), `0-${body.byteLength - 1}`);
    const next = answers[winner]?.header('location') ?? '';
    (await client.close(next, digestOf(body))).expect(201);
    assert.ok((await client.get(`/v2/a/blobs/${digestOf(body)}`)).body.equals(body));
  });

  it('40. Upload sessions do not die of silence: one continues after 5 days', async () => {
    const location = await client.patch(await client.openUpload('a'), bytesOf(10));
    bench().store.clock.advance(5 * DAY);
    (await client.close(location, digestOf(bytesOf(10)))).expect(201);
  });
});

/** Lets nothing of a body pass until it is opened. */
class Gate {
  passed = 0;
  private release: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => {
    this.release = resolve;
  });

  open(): void {
    this.release();
  }

  async *hold(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    await this.opened;
    for await (const chunk of body) {
      this.passed += chunk.byteLength;
      yield chunk;
    }
  }
}

/** Whether the socket takes more before a while has passed in which it took nothing. */
function drained(socket: NodeJS.EventEmitter): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 200);
    socket.once('drain', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
