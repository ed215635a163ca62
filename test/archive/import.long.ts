import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { residentMiB } from '../abuse/process-facts.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const MIB = 1024 * 1024;
const LAYERS = 4;
const LAYER_MIB = 512;
const ROUNDS = 3;
const MOST_ABOVE_IDLE_MIB = 200;
const SETTLE_MS = 1000;
/** As curl makes them: busboy looks for it in every byte. */
const BOUNDARY = '------------------------d74496d66958873e';
const HEAD = Buffer.from(
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="archive"; filename="a.tar"\r\n\r\n`,
);
const TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

interface Layer {
  readonly file: string;
  readonly hex: string;
}

describe('an archive of 2 GiB', function () {
  this.timeout(30 * 60_000);
  let home: TemporaryDirectory;
  let layers: Layer[];
  let archive: string;

  before(async () => {
    home = await temporaryDirectory('import');
    layers = [];
    for (let index = 0; index < LAYERS; index++)
      layers.push(await makeLayer(join(home.path, `layer-${index}`)));
    archive = join(home.path, 'saved.tar');
    await save(archive, layers);
  });
  after(() => home.remove());

  it('is imported in little memory; beside it, a push of its layers', async () => {
    const rates: Record<string, string[]> = { push: [], import: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [what, work] of [
        ['push', pushAll],
        ['import', importAll],
      ] as const) {
        const root = join(home.path, `data-${what}`);
        const server = await startServer({ root });
        try {
          await delay(SETTLE_MS);
          const idle = await residentMiB(server.pid);
          let most = idle;
          const timer = setInterval(() => {
            residentMiB(server.pid).then(
              (now) => (most = Math.max(most, now)),
              () => undefined,
            );
          }, 50);
          const began = performance.now();
          await work(server);
          const seconds = (performance.now() - began) / 1000;
          clearInterval(timer);
          rates[what]?.push(((LAYERS * LAYER_MIB) / seconds).toFixed(0));
          assert.ok(most - idle < MOST_ABOVE_IDLE_MIB, `${(most - idle).toFixed(0)} MiB above idle`);
          console.log(
            `      ${what}: ${rates[what]?.at(-1)} MiB/s, ${(most - idle).toFixed(0)} MiB above idle`,
          );
        } finally {
          await server.stop();
          await rm(root, { recursive: true, force: true });
        }
      }
    }
  });

  async function pushAll(server: ServerProcess): Promise<void> {
    for (const { file, hex } of layers) {
      const opened = await send(server, 'POST', '/v2/x/blobs/uploads/', {});
      const length = { 'content-length': LAYER_MIB * MIB };
      const patched = await send(server, 'PATCH', opened.headers.location ?? '', length, [read(file)]);
      const { location = '' } = patched.headers;
      const closing = `${location}${location.includes('?') ? '&' : '?'}digest=sha256:${hex}`;
      assert.equal((await send(server, 'PUT', closing, { 'content-length': 0 })).statusCode, 201);
    }
  }

  async function importAll(server: ServerProcess): Promise<void> {
    const { size } = await stat(archive);
    const headers = {
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': HEAD.byteLength + size + TAIL.byteLength,
    };
    const answer = await send(server, 'POST', '/admin/v1/repositories/x/import', headers, [
      HEAD,
      read(archive),
      TAIL,
    ]);
    const told = answer.statusCode === 201 ? await json(answer) : await text(answer);
    assert.deepEqual((told as { blobs?: object }).blobs, { added: LAYERS + 1, known: 0 }, String(told));
  }
});

function read(file: string): Readable {
  return createReadStream(file, { highWaterMark: MIB });
}

/** Resolves with the answer; of one without interest the body is dropped. */
async function send(
  { host, port }: ServerProcess,
  method: string,
  path: string,
  headers: Record<string, string | number>,
  parts: readonly (Buffer | Readable)[] = [],
): Promise<IncomingMessage> {
  const req = request({ host, port, method, path, headers, agent: false });
  const answered = once(req, 'response') as Promise<[IncomingMessage]>;
  for (const part of parts) {
    if (Buffer.isBuffer(part)) req.write(part);
    else await pipeline(part, req, { end: false });
  }
  req.end();
  const [answer] = await answered;
  if (!path.endsWith('/import')) answer.resume();
  return answer;
}

/** No two MiB of it are the same. */
async function makeLayer(file: string): Promise<Layer> {
  const hash = createHash('sha256');
  const target = createWriteStream(file);
  const chunk = randomBytes(MIB);
  for (let count = 0; count < LAYER_MIB; count++) {
    chunk.writeUInt32LE(count, 0);
    const copy = Buffer.from(chunk);
    hash.update(copy);
    if (!target.write(copy)) await once(target, 'drain');
  }
  target.end();
  await once(target, 'close');
  return { file, hex: hash.digest('hex') };
}

/** As `docker save` of engine 20.10 does. */
async function save(file: string, layers: readonly Layer[]): Promise<void> {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ hex }) => `sha256:${hex}`) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }));
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  const packing = pack();
  const written = pipeline(packing, createWriteStream(file));
  for (const layer of layers) {
    const entry = packing.entry({ name: `${layer.hex}/layer.tar`, size: LAYER_MIB * MIB });
    await pipeline(read(layer.file), entry);
  }
  packing.entry({ name }, config);
  const paths = layers.map(({ hex }) => `${hex}/layer.tar`);
  packing.entry(
    { name: 'manifest.json' },
    JSON.stringify([{ Config: name, RepoTags: ['x:1'], Layers: paths }]),
  );
  packing.finalize();
  await written;
}
