import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startHaproxy, type LoadBalancer } from '../support/haproxy.js';
import { makeImage, type Image } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { RetryingClient, type PushMethod } from '../support/retrying-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

const MIB = 1024 * 1024;
/** How often each node is restarted: more in the long run. */
const ROUNDS = Number(process.env['STACKYARD_TEST_ROUNDS'] ?? 1);
const PULLERS = 4;
const PUSH_METHODS: readonly PushMethod[] = ['patch', 'chunks'];
/** Longer than the balancer takes to notice: two looks, 500 ms apart. */
const DRAIN_DELAY = '1500ms';

interface Pushed {
  readonly reference: string;
  readonly image: Image;
}

describe('two nodes on Swift behind haproxy, restarted under load', function () {
  this.timeout(300_000);
  let balancer: LoadBalancer;
  let env: Record<string, string>;
  const nodes: ServerProcess[] = [];
  const large = makeImage({ format: 'oci', layers: 3, layerBytes: 3 * MIB });
  /** More than sockets and the balancer hold, so that bodies are under way while nobody reads them. */
  const huge = makeImage({ format: 'oci', layers: 1, layerBytes: 48 * MIB });

  before(async function () {
    const haproxy = requireTool(this, 'haproxy');
    const swift = swiftEnvironment((await swiftBed(this)).v1);
    env = { ...swift, ...WITH_LOGINS, STACKYARD_SERVER_DRAIN_DELAY: DRAIN_DELAY };
    for (let i = 0; i < 2; i++) nodes.push(await startServer({ env }));
    balancer = await startHaproxy(
      haproxy,
      nodes.map(({ port }) => port),
    );
    await new RegistryClient(balancer.url, ADMIN).pushImage('rolling', large, 'large');
  });

  after(async () => {
    await (balancer as LoadBalancer | undefined)?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  /** Clients that pull and push without a pause while `work` is done; what they were told was stored, and what they repeated. */
  async function underLoad(work: () => Promise<void>): Promise<{
    pushed: readonly Pushed[];
    pulls: number;
    resumed: number;
    retries: readonly string[];
  }> {
    const pushed: Pushed[] = [];
    let pulls = 0;
    let running = true;
    const pullers = Array.from({ length: PULLERS }, () => newClient());
    const pushers = PUSH_METHODS.map((method) => ({ method, client: newClient() }));
    const load = [
      ...pullers.map(async (client) => {
        for (; running; pulls++) await client.pull('rolling', 'large', large);
      }),
      ...pushers.map(async ({ method, client }) => {
        for (let round = 0; running; round++) {
          const image = makeImage({
            format: 'oci',
            layers: 2,
            layerBytes: round % 2 === 0 ? 2 * MIB : 50_000,
          });
          const reference = `${method}-${pushed.length}`;
          await client.push('rolling', reference, image, method);
          pushed.push({ reference, image });
        }
      }),
    ];
    const loaded = Promise.all(load);
    await Promise.race([work(), loaded]).finally(() => (running = false));
    await loaded;
    const clients = [...pullers, ...pushers.map(({ client }) => client)];
    const retries = clients.flatMap((client) => client.retries);
    const resumed = clients.reduce((sum, client) => sum + client.resumed, 0);
    console.log(
      `      ${pulls} pulls and ${pushed.length} pushes, ${retries.length} repeats, ${resumed} resumed`,
    );
    for (const why of new Set(retries)) console.log(`        ${why}`);
    return { pushed, pulls, resumed, retries };
  }

  const newClient = () => new RetryingClient(new RegistryClient(balancer.url, ADMIN));

  async function assertOnBothNodes(pushed: readonly Pushed[]): Promise<void> {
    for (const { url } of nodes) {
      const client = new RegistryClient(url, ADMIN);
      for (const { reference, image } of pushed) await client.assertHolds('rolling', reference, image);
    }
  }

  /** As a supervisor does it; it must end well by itself. */
  async function restart(index: number): Promise<void> {
    const node = nodes[index];
    assert.ok(node);
    assert.equal(await node.stop(), 0);
    nodes[index] = await startServer({ env, port: node.port });
    await taken(node.port);
  }

  async function killAndRestart(index: number): Promise<void> {
    const node = nodes[index];
    assert.ok(node);
    await node.kill('SIGKILL');
    nodes[index] = await startServer({ env, port: node.port });
    await taken(node.port);
  }

  /** Until the balancer has seen twice that it is ready again. */
  async function taken(port: number): Promise<void> {
    while ((await fetch(`http://127.0.0.1:${port}/readyz`)).status !== 200) await delay(50);
    await delay(1000);
  }

  it('a rolling restart costs nobody a repeated request, and nothing that was acknowledged', async () => {
    const { pushed, pulls, retries } = await underLoad(async () => {
      for (let turn = 0; turn < 2 * ROUNDS; turn++) await restart(turn % 2);
    });
    assert.ok(pulls > PULLERS && pushed.length > PUSH_METHODS.length);
    assert.deepEqual(retries, []);
    await assertOnBothNodes(pushed);
  });

  /** Pulls that have begun at both nodes when one is killed: how many bodies were taken up again. */
  async function killAmidBodies(index: number): Promise<number> {
    let held = 0;
    let goOn: () => void = () => undefined;
    const killed = new Promise<void>((resolve) => (goOn = resolve));
    const clients = Array.from({ length: 4 }, () => newClient());
    const pulls = clients.map((client) =>
      client.pull('rolling', 'huge', huge, async () => {
        held += 1;
        await killed;
      }),
    );
    const pulled = Promise.all(pulls);
    const begun = async (): Promise<void> => {
      while (held < clients.length) await delay(20);
      await killAndRestart(index);
    };
    await Promise.race([begun(), pulled]).finally(goOn);
    await pulled;
    return clients.reduce((sum, client) => sum + client.resumed, 0);
  }

  it('a node killed under load costs repeats, no pull and nothing that was acknowledged', async () => {
    await new RegistryClient(balancer.url, ADMIN).pushImage('rolling', huge, 'huge');
    let resumed = 0;
    const { pushed, pulls } = await underLoad(async () => {
      resumed = await killAmidBodies(0);
    });
    assert.ok(resumed > 0, 'a body that was cut was taken up from the other node');
    assert.ok(pulls > PULLERS && pushed.length > 0);
    await assertOnBothNodes(pushed);
  });
});
