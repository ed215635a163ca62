import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { ApiProblem } from '../../src/api/admin-connection.js';
import { HttpExchange } from '../../src/client/http-exchange.js';
import { RemoteAdmin } from '../../src/client/remote-admin.js';
import { ScriptedServer, answerJson, answerProblem } from './scripted-server.js';

const REPORT = { repository: 'a', images: [], bytes: 5, blobs: { added: 0, known: 0 } };
const GIVEN = { params: { repository: 'a' } };
const CHUNK = Buffer.alloc(64 * 1024);

describe('client/remote-admin uploads', () => {
  let server: ScriptedServer;
  let api: RemoteAdmin;

  const start = async (answer: RequestListener): Promise<void> => {
    server = await ScriptedServer.start(answer);
    api = new RemoteAdmin({
      exchange: new HttpExchange(server.url, {}, { connect: 5000, silence: 5000, proceed: 20 }),
      uniqueId: () => 'boundary-boundary',
      wait: () => assert.fail('it is not tried again'),
    });
  };
  afterEach(async () => {
    await api.close();
    await server.close();
  });

  /** Without an end; tells how much of it was read. */
  function endless(): { readonly body: Readable; read: () => number } {
    let read = 0;
    const body = new Readable({
      read() {
        read += CHUNK.byteLength;
        setImmediate(() => this.push(CHUNK));
      },
    });
    return { body, read: () => read };
  }

  it('sends a form with the file, once the server wants it', async () => {
    let form: Buffer | undefined;
    await start((req, res) => {
      res.writeContinue();
      void buffer(req).then((bytes) => {
        form = bytes;
        answerJson(res, REPORT, { status: 201 });
      });
    });
    const archive = { size: 5, body: Readable.from([Buffer.from('by'), Buffer.from('tes')]) };
    assert.deepEqual(await api.upload('importArchive', GIVEN, archive), REPORT);
    const { headers } = server.seen[0] ?? assert.fail('nothing came');
    assert.equal(headers.expect, '100-continue');
    assert.equal(Number(headers['content-length']), form?.byteLength);
    const [, boundary = ''] =
      /^multipart\/form-data; boundary=(\S+)$/.exec(headers['content-type'] ?? '') ?? [];
    assert.match(form?.toString() ?? '', new RegExp(`^--${boundary}\r\n.*name="archive"; filename=`));
    assert.ok(form?.toString().endsWith(`\r\n\r\nbytes\r\n--${boundary}--\r\n`));
  });

  it('waits for no answer where it is aborted', async () => {
    await start((req) => void req.resume());
    const abort = new AbortController();
    const { body } = endless();
    const upload = api.upload('importArchive', GIVEN, { body, signal: abort.signal });
    setImmediate(() => abort.abort(new Error('stop')));
    await assert.rejects(upload, /^Error: stop$/);
    body.destroy();
  });

  it('sends it without being asked where nobody asks, in chunks where the size is not known', async () => {
    await start((req, res) => {
      void buffer(req).then(() => answerJson(res, REPORT, { status: 201 }));
    });
    await api.upload('importArchive', GIVEN, { body: Readable.from([Buffer.from('bytes')]) });
    assert.equal(server.seen[0]?.headers['content-length'], undefined);
  });

  it('reads nothing of an archive that is refused before', async () => {
    await start((_req, res) => answerProblem(res, 401, 'login-required', { Connection: 'close' }));
    const { body, read } = endless();
    await assert.rejects(api.upload('importArchive', GIVEN, { body }), { code: 'login-required' });
    assert.equal(read(), 0);
    body.destroy();
  });

  it('tells an answer that comes while the archive is sent', async () => {
    await start((req, res) => {
      res.writeContinue();
      let bytes = 0;
      req.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > 1_000_000 && !res.headersSent) answerProblem(res, 422, 'invalid-archive');
      });
    });
    const { body } = endless();
    const refused = api.upload('importArchive', GIVEN, { body });
    await assert.rejects(refused, { code: 'invalid-archive', message: 'the invalid-archive of it' });
    body.destroy();
  });

  it('reads no more of an archive than the server takes', async () => {
    let take = (): void => undefined;
    await start((req, res) => {
      res.writeContinue();
      take = () => void buffer(req).then(() => answerJson(res, REPORT, { status: 201 }));
    });
    const chunks = 1024;
    let read = 0;
    let takenAt = 0;
    async function* source() {
      for (; read < chunks; read += 1) yield CHUNK;
    }
    const body = Readable.from(source(), { objectMode: false });
    const sent = api.upload('importArchive', GIVEN, { body });
    const stalled = async (): Promise<void> => {
      for (let before = -1; before !== read || read === 0; await setTimeout(50)) before = read;
      takenAt = read;
      take();
    };
    await Promise.all([sent, stalled()]);
    assert.ok(takenAt < chunks / 2, `${takenAt} chunks were read`);
    assert.equal(read, chunks);
  });

  it('tells an archive that becomes shorter or longer, and one that fails', async () => {
    await start((req, res) => {
      res.writeContinue();
      req.on('error', () => undefined).resume();
    });
    const text = [Buffer.from('bytes')];
    for (const size of [4, 6]) {
      const sent = api.upload('importArchive', GIVEN, { size, body: Readable.from(text) });
      await assert.rejects(sent, (error: ApiProblem) => {
        assert.match(error.message, /^the archive changed while it was read/);
        return error.code === 'conflict';
      });
    }
    async function* failing() {
      yield CHUNK;
      throw new Error('the disk is broken');
    }
    const sent = api.upload('importArchive', GIVEN, { body: Readable.from(failing()) });
    await assert.rejects(sent, { message: 'the disk is broken' });
  });

  it('sends it once, whatever becomes of it', async () => {
    await start((req, res) => {
      res.writeContinue();
      req.once('data', () => req.destroy());
    });
    const { body } = endless();
    await assert.rejects(api.upload('importArchive', GIVEN, { body }), { code: 'unreachable' });
    assert.equal(server.seen.length, 1);
    body.destroy();
  });
});
