import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { leaveOut } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';

const MIB = 1024 * 1024;
const LAYER_MIB = Number(process.env['STACKYARD_TEST_LARGE_MIB'] ?? 6 * 1024);
const MOST_RSS_MIB = 250;
/** Beside the layer: what Swift and the system need to go on. */
const SPARE_MIB = 2 * 1024;
const PUSHES = 64;
const PUSH_MIB = 10;

describe('large and many', function () {
  this.timeout(60 * 60_000);
  let bed: SwiftBed;
  let container: string;
  let server: ServerProcess;

  before(async function () {
    bed = await swiftBed(this);
    const env = swiftEnvironment(bed.v1);
    container = env['STACKYARD_STORAGE_SWIFT_CONTAINER'] ?? '';
    server = await startServer({ env });
  });
  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
    await empty();
  });

  async function empty(): Promise<void> {
    for (;;) {
      const { body } = await bed.request('GET', `/${container}`);
      const names = body.toString().split('\n').filter(Boolean);
      if (names.length === 0) break;
      for (const name of names) await bed.request('DELETE', `/${container}/${encodeURI(name)}`);
    }
    await bed.request('DELETE', `/${container}`);
  }

  it(`a layer of ${LAYER_MIB} MiB by one PATCH, in bounded memory both ways`, async function () {
    const { bavail, bsize } = await statfs(dirname(process.env['SWIFT_TEST_ENV'] ?? '.'));
    const free = Math.floor((bavail * bsize) / MIB);
    if (free < LAYER_MIB + SPARE_MIB)
      leaveOut(this, `${free} MiB of disk are free, ${LAYER_MIB + SPARE_MIB} are needed`);
    const memory = watchMemory(server.pid);
    const { location = '' } = (await send('POST', '/v2/large/blobs/uploads/')).headers;
    const began = performance.now();
    const hash = createHash('sha256');
    const patched = await send('PATCH', location, generated(LAYER_MIB * MIB, hash));
    assert.equal(patched.statusCode, 202, await textOf(patched));
    const digest = `sha256:${hash.digest('hex')}`;
    const committing = performance.now();
    const closed = await send('PUT', withDigest(patched.headers.location ?? '', digest));
    assert.equal(closed.statusCode, 201, await textOf(closed));
    const pulling = performance.now();
    const pulled = await send('GET', `/v2/large/blobs/${digest}`);
    assert.equal(pulled.statusCode, 200);
    assert.equal(pulled.headers['content-length'], String(LAYER_MIB * MIB));
    const held = createHash('sha256');
    await pipeline(pulled, held);
    const ended = performance.now();
    assert.equal(`sha256:${held.digest('hex')}`, digest);
    const most = await memory.stop();
    const rate = (from: number, to: number): string => ((LAYER_MIB * 1000) / (to - from)).toFixed(0);
    console.log(
      `      push ${rate(began, committing)} MiB/s, commit ${(pulling - committing).toFixed(0)} ms, ` +
        `pull ${rate(pulling, ended)} MiB/s, at most ${most.toFixed(0)} MiB of memory`,
    );
    assert.ok(most < MOST_RSS_MIB, `${most.toFixed(0)} MiB of memory`);
  });

  it(`${PUSHES} pushes of ${PUSH_MIB} MiB beside each other`, async () => {
    const memory = watchMemory(server.pid);
    const pushes = Array.from({ length: PUSHES }, async (_, i) => {
      const repository = `many/r${i % 8}`;
      const { location = '' } = (await send('POST', `/v2/${repository}/blobs/uploads/`)).headers;
      const hash = createHash('sha256');
      const patched = await send('PATCH', location, generated(PUSH_MIB * MIB, hash));
      assert.equal(patched.statusCode, 202, await textOf(patched));
      const digest = `sha256:${hash.digest('hex')}`;
      const closed = await send('PUT', withDigest(patched.headers.location ?? '', digest));
      assert.equal(closed.statusCode, 201, await textOf(closed));
      return { path: `/v2/${repository}/blobs/${digest}`, digest };
    });
    for (const { path, digest } of await Promise.all(pushes)) {
      const held = createHash('sha256');
      await pipeline(await send('GET', path), held);
      assert.equal(`sha256:${held.digest('hex')}`, digest);
    }
    console.log(`      at most ${(await memory.stop()).toFixed(0)} MiB of memory`);
  });

  /** The answer, of which a body other than that of a 200 has been read. */
  function send(method: string, path: string, body?: Readable): Promise<IncomingMessage> {
    const { host, port } = server;
    return new Promise((resolve, reject) => {
      const req = request({ host, port, method, path, agent: false }, (res) => {
        if (method !== 'GET' && (res.statusCode ?? 0) < 300) res.resume();
        resolve(res);
      });
      req.once('error', reject);
      if (body === undefined) req.end();
      else pipeline(body, req).catch(reject);
    });
  }
});

/** As fast as AES, and never the same: nothing can be deduplicated or compressed. */
function generated(size: number, hash: ReturnType<typeof createHash>): Readable {
  const zeros = Buffer.alloc(MIB);
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  let left = size;
  return new Readable({
    highWaterMark: 0,
    read() {
      if (left === 0) return void this.push(null);
      const chunk = cipher.update(left < MIB ? zeros.subarray(0, left) : zeros);
      left -= chunk.length;
      hash.update(chunk);
      this.push(chunk);
    },
  });
}

/** Follows the resident memory of a process, in MiB. */
function watchMemory(pid: number): { stop(): Promise<number> } {
  let most = 0;
  const look = async (): Promise<void> => {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    most = Math.max(most, Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1]) / 1024);
  };
  const timer = setInterval(() => void look().catch(() => undefined), 200);
  return {
    async stop() {
      clearInterval(timer);
      await look();
      return most;
    },
  };
}

function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  if (answer.complete || (answer.statusCode ?? 0) < 300) return String(answer.statusCode);
  return (await Readable.from(answer).toArray()).join('').slice(0, 300);
}
