import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { processContext } from '../../src/cli/process-context.js';
import { run } from '../../src/cli/program.js';
import { listen } from '../../src/composition/listen.js';
import { createLogger } from '../../src/composition/logger.js';
import { processLocks } from '../../src/composition/locks.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import { composeServer } from '../../src/composition/server.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import { startChild, type OwnedChild } from '../support/child.js';
import { compiledRoot } from '../support/project.js';
import { startServer } from '../support/server-process.js';
import { temporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';
import { call, closing } from './api.js';
import { until, within } from './deadline.js';
import { assertKept, makePush, pushAll, type Acknowledged, type Push } from './docker-push.js';
import { assertNothingUnfinished, assertWhole } from './stored-tree.js';
import type { Endpoint } from './wire.js';

const LAYER_BYTES = 1_200_000;
/** Servers under test at once. */
const LANES = 3;

describe('kill -9 at each change of the filesystem in a push', function () {
  this.timeout(60_000);
  let steps = 0;

  it('counts the changes of an undisturbed push', async () => {
    const directory = await temporaryDirectory('crash');
    const server = await startCrashing(directory.path, 0);
    const acknowledged = nothing();
    await pushAll(await server.endpoint, makePush('crash', LAYER_BYTES), acknowledged);
    server.child.process.kill('SIGTERM');
    await server.child.ended;
    steps = Number(server.lines.at(-1));
    assert.ok(steps > 40, `${steps} changes`);
    await directory.remove();
  });

  it('loses nothing acknowledged, shows nothing unverified, and leaves nothing after a purge', async function () {
    this.timeout(120_000);
    assert.ok(steps > 0, 'the changes were counted');
    const all = Array.from({ length: steps }, (_, index) => index + 1).values();
    let uploads = 0;
    const lane = async (): Promise<void> => {
      for (const step of all) {
        try {
          if (await dieAndRecover(step)) uploads += 1;
        } catch (error) {
          throw new Error(`killed before change ${step} of ${steps}: ${(error as Error).message}`, {
            cause: error,
          });
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    assert.ok(uploads > 5, `only ${uploads} kills fell between a PATCH and its PUT`);
  });

  it('holds for a server killed under eight pushes at once, with the real commands', async () => {
    const directory = await temporaryDirectory('crash');
    const root = join(directory.path, 'data');
    const pushes = Array.from({ length: 8 }, (_, index) => ({
      push: makePush(`crash${index}`, LAYER_BYTES),
      acknowledged: nothing(),
    }));
    const first = await startServer({ root });
    const pushing = pushes.map(({ push, acknowledged }) =>
      pushAll(first, push, acknowledged).catch(ignoreLostConnection),
    );
    await until('a first image is pushed', () =>
      pushes.some(({ acknowledged }) => acknowledged.manifests.length > 0),
    );
    await first.kill('SIGKILL');
    await Promise.all(pushing);
    await assertWhole(root);
    const second = await startServer({ root });
    for (const { push, acknowledged } of pushes) {
      await assertKept(second, push, acknowledged);
      await pushAll(second, push, nothing());
    }
    const env = { STACKYARD_STORAGE_FILESYSTEM_ROOT: root };
    const program = join(compiledRoot, 'src/cli/stackyard.js');
    await runTool(process.execPath, [program, 'uploads', 'purge', '--older-than', '0s'], {
      env,
      cwd: directory.path,
    });
    await assertNothingUnfinished(root);
    for (const { push } of pushes)
      await assertKept(second, push, { blobs: [push.layer, push.config], manifests: [...push.manifests] });
    await second.stop();
    await directory.remove();
  });
});

/** Answers whether the kill left an upload that the client could finish. */
async function dieAndRecover(step: number): Promise<boolean> {
  const directory = await temporaryDirectory('crash');
  const root = directory.path;
  const push = makePush('crash', LAYER_BYTES);
  const acknowledged = nothing();
  const dying = await startCrashing(root, step);
  const endpoint = await Promise.race([dying.endpoint, dying.child.ended.then(() => undefined)]);
  if (endpoint !== undefined) await pushAll(endpoint, push, acknowledged).catch(ignoreLostConnection);
  // Writes that run at once may need a change less than when they were counted: then it dies after the push.
  if (acknowledged.manifests.length === push.manifests.length) dying.child.process.kill('SIGKILL');
  assert.equal((await within('the kill', 20_000, dying.child.ended)).signal, 'SIGKILL');

  const early = await assertWhole(root);
  const config = configFor(root);
  const log = createLogger('silent');
  const { server, drain } = await composeServer({
    config,
    log,
    invalidations: noInvalidations,
    locker: processLocks(),
    exchange: noExchange,
  });
  const { address, port } = await listen(server, '127.0.0.1', 0);
  const again: Endpoint = { host: address, port };
  for (const digest of early)
    assert.equal((await call(again, 'HEAD', `/v2/${push.repository}/blobs/${digest}`)).status, 404, digest);
  await assertKept(again, push, acknowledged);
  const resumed = await finishUpload(again, push, acknowledged);
  await pushAll(again, push, nothing());
  assert.equal(await purge(config), 0);
  await assertNothingUnfinished(root);
  assert.deepEqual(await assertWhole(root), []);
  await assertKept(again, push, { blobs: [push.layer, push.config], manifests: [...push.manifests] });
  await drain();
  await directory.remove();
  return resumed;
}

/** A client whose connection broke goes on with its upload where the server says it is. */
async function finishUpload(server: Endpoint, push: Push, { upload, blobs }: Acknowledged): Promise<boolean> {
  if (upload === undefined || upload.bytes === 0 || blobs.length > 0) return false;
  const status = await call(server, 'GET', upload.location);
  assert.equal(status.status, 204, 'the session is known after the restart');
  const held = Number(/^0-(\d+)$/.exec(String(status.headers['range']))?.[1]) + 1;
  assert.ok(held >= upload.bytes, `${held} bytes are held of ${upload.bytes} acknowledged`);
  const rest = push.layer.bytes.subarray(held);
  const { location } = status.headers;
  const closed = await call(server, 'PUT', closing(String(location), push.layer.digest), {
    body: rest,
    headers: rest.length > 0 ? { 'content-range': `${held}-${push.layer.size - 1}` } : {},
  });
  assert.equal(closed.status, 201, closed.body.toString());
  const pulled = await call(server, 'GET', `/v2/${push.repository}/blobs/${push.layer.digest}`);
  assert.ok(pulled.body.equals(push.layer.bytes));
  return true;
}

async function startCrashing(
  root: string,
  step: number,
): Promise<{ child: OwnedChild; endpoint: Promise<Endpoint>; lines: string[] }> {
  const script = join(compiledRoot, 'test/abuse/crash-server.js');
  const child = await startChild(process.execPath, [script, root, String(step)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout } = child.process;
  assert.ok(stdout !== null);
  const lines: string[] = [];
  const endpoint = new Promise<Endpoint>((resolve) => {
    createInterface({ input: stdout }).on('line', (line) => {
      if (lines.push(line) === 1) resolve({ host: '127.0.0.1', port: Number(line) });
    });
  });
  return { child, endpoint, lines };
}

function configFor(root: string): Config {
  return loadConfig({
    env: {
      STACKYARD_AUTH_MODE: 'none',
      STACKYARD_STORAGE_FILESYSTEM_ROOT: root,
      STACKYARD_LOG_LEVEL: 'silent',
    },
    cwd: root,
    readFile: () => {
      throw Object.assign(new Error('no file'), { code: 'ENOENT' });
    },
  });
}

/** `stackyard uploads purge --older-than 0s`, in this process. */
function purge(config: Config): Promise<number> {
  const quiet = { ...processContext, out: () => undefined, err: () => undefined, loadConfig: () => config };
  return run(['uploads', 'purge', '--older-than', '0s'], quiet);
}

function nothing(): Acknowledged {
  return { blobs: [], manifests: [] };
}

function ignoreLostConnection(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ECONNRESET' && code !== 'ECONNREFUSED' && code !== 'EPIPE') throw error;
}
