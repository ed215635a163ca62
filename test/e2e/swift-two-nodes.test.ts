import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { startHaproxy, type LoadBalancer } from '../support/haproxy.js';
import { largeTar, makeImage, sha256 } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

const MIB = 1024 * 1024;
/** Of the layer that docker pushes while a node is killed: 3072 in the long run. */
const LAYER_MIB = Number(process.env['STACKYARD_TEST_LAYER_MIB'] ?? 200);
const PUSHERS = 4;
const KILLS = 3;

describe('two nodes on Swift behind haproxy, round robin', function () {
  this.timeout(600_000);
  let balancer: LoadBalancer;
  let env: Record<string, string>;
  const nodes: ServerProcess[] = [];

  before(async function () {
    const haproxy = requireTool(this, 'haproxy');
    env = { ...swiftEnvironment((await swiftBed(this)).v1), ...WITH_LOGINS };
    for (let i = 0; i < 2; i++) nodes.push(await startServer({ env }));
    balancer = await startHaproxy(
      haproxy,
      nodes.map(({ port }) => port),
    );
  });

  after(async () => {
    await (balancer as LoadBalancer | undefined)?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  /** kill -9, then the same port again, as a supervisor would. */
  async function killAndRestart(index: number): Promise<void> {
    const node = nodes[index];
    assert.ok(node);
    await node.kill('SIGKILL');
    nodes[index] = await startServer({ env, port: node.port });
  }

  it('takes chunked uploads whose every request meets another node', async () => {
    const client = new RegistryClient(balancer.url, ADMIN);
    const bytes = randomBytes(5 * MIB);
    let location = await opened(client, 'chunked');
    const step = 700_000;
    for (let start = 0; start < bytes.length; start += step) {
      const chunk = bytes.subarray(start, start + step);
      const answer = await client.request('PATCH', location, {
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': `${start}-${start + chunk.length - 1}`,
        },
        body: new Uint8Array(chunk),
      });
      assert.equal(answer.status, 202, await answer.text());
      location = answer.headers.get('location') ?? '';
    }
    await closed(client, location, sha256(bytes));
    assert.ok((await client.blob('chunked', sha256(bytes))).equals(bytes));
  });

  it('takes single-PATCH uploads and whole images', async () => {
    const client = new RegistryClient(balancer.url, ADMIN);
    for (let round = 0; round < 4; round++) {
      const bytes = randomBytes(2 * MIB + round);
      const answer = await client.request('PATCH', await opened(client, 'streamed'), {
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(bytes),
      });
      assert.equal(answer.status, 202, await answer.text());
      await closed(client, answer.headers.get('location') ?? '', sha256(bytes));
      assert.ok((await client.blob('streamed', sha256(bytes))).equals(bytes));
      const image = makeImage({ format: 'oci', layers: 3, layerBytes: 100_000 });
      await client.pushImage('images', image, `v${round}`);
      await client.assertHolds('images', `v${round}`, image);
    }
  });

  it(`loses nothing acknowledged when nodes are killed ${KILLS} times under load`, async () => {
    const client = new RegistryClient(balancer.url, ADMIN);
    const acknowledged: { reference: string; image: ReturnType<typeof makeImage> }[] = [];
    let retries = 0;
    let running = true;
    const pusher = async (worker: number): Promise<void> => {
      for (let round = 0; running; round++) {
        const image = makeImage({
          format: 'oci',
          layers: 2,
          layerBytes: round % 3 === 0 ? 3 * MIB : 100_000,
        });
        const reference = `w${worker}-${round}`;
        for (let attempt = 1; ; attempt++) {
          try {
            await client.pushImage('killed', image, reference);
            break;
          } catch (error) {
            retries += 1;
            // One retry for each kill is what a node that dies may cost.
            if (attempt > KILLS) throw error;
            await delay(1000);
          }
        }
        acknowledged.push({ reference, image });
      }
    };
    const kills = async (): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill++) {
        await delay(1500 + kill * 700);
        await killAndRestart(kill % 2);
      }
      await delay(1000);
    };
    const pushers = Array.from({ length: PUSHERS }, (_, worker) => pusher(worker));
    await kills().finally(() => (running = false));
    await Promise.all(pushers);
    console.log(`      ${acknowledged.length} images pushed, ${retries} pushes repeated`);
    assert.ok(acknowledged.length > PUSHERS);
    for (const { reference, image } of acknowledged) await client.assertHolds('killed', reference, image);
  });

  describe('docker', () => {
    let daemon: DockerDaemon;
    before(async function () {
      requireRoot(this);
      daemon = await startDockerDaemon(requireTool(this, 'dockerd'));
      await daemon.login(balancer.authority, ADMIN);
    });
    after(async () => (daemon as DockerDaemon | undefined)?.stop());

    it(`pushes and pulls a layer of ${LAYER_MIB} MiB while a node is killed`, async () => {
      const name = `${balancer.authority}/large:v1`;
      const id = await daemon.importImage(largeTar('layer', LAYER_MIB * MIB), name);
      const push = daemon.tryDocker(['push', name], { timeoutMs: 500_000 });
      await killAndRestart(await receiverOf(nodes, (LAYER_MIB * MIB) / 10));
      const first = await push;
      console.log(`      the push that was cut ended with ${first.code}`);
      if (first.code !== 0) await daemon.docker(['push', name], { timeoutMs: 500_000 });
      await daemon.docker(['rmi', name]);
      await daemon.docker(['pull', name], { timeoutMs: 500_000 });
      assert.equal(await daemon.imageId(name), id);
    });
  });
});

async function opened(client: RegistryClient, repository: string): Promise<string> {
  const answer = await client.request('POST', `/v2/${repository}/blobs/uploads/`);
  assert.equal(answer.status, 202, await answer.text());
  return answer.headers.get('location') ?? '';
}

async function closed(client: RegistryClient, location: string, digest: string): Promise<void> {
  const url = new URL(location, client.url);
  url.searchParams.set('digest', digest);
  const answer = await client.request('PUT', url.href);
  assert.equal(answer.status, 201, await answer.text());
}

/** The index of the node that has taken in so many bytes since now. */
async function receiverOf(nodes: readonly ServerProcess[], bytes: number): Promise<number> {
  const before = await Promise.all(nodes.map(bytesRead));
  for (;;) {
    const now = await Promise.all(nodes.map(bytesRead));
    const index = now.findIndex((read, i) => read - (before[i] ?? read) > bytes);
    if (index >= 0) return index;
    await delay(50);
  }
}

async function bytesRead({ pid }: ServerProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8');
  return Number(/^rchar: (\d+)/m.exec(text)?.[1]);
}
