import assert from 'node:assert/strict';
import { startHaproxy, type LoadBalancer } from '../support/haproxy.js';
import { imageOfLayers, runHerd, type HerdMeasurement } from '../support/herd.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** Redirected ones all meet the one Swift of the tests, which two cores must carry too. */
const HERDS = [
  { clients: 500, redirected: false },
  { clients: 150, redirected: true },
] as const;
const LAYERS = [256 * KIB, 4 * MIB, 20 * MIB];
/** Of a node; a transfer holds at most a MiB beside what an idle node holds. */
const MOST_RESIDENT = 900 * MIB;

for (const { clients, redirected } of HERDS) {
  describe(`${clients} clients that pull one image at once, ${redirected ? 'redirected' : 'proxied'}`, function () {
    this.timeout(900_000);
    const nodes: ServerProcess[] = [];
    let balancer: LoadBalancer | undefined;
    const image = imageOfLayers(LAYERS);

    before(async function () {
      const haproxy = requireTool(this, 'haproxy');
      const env = {
        ...swiftEnvironment((await swiftBed(this)).v1),
        ...WITH_LOGINS,
        STACKYARD_STORAGE_SWIFT_REDIRECT_ENABLED: String(redirected),
      };
      for (let i = 0; i < 2; i++) nodes.push(await startServer({ env }));
      balancer = await startHaproxy(
        haproxy,
        nodes.map(({ port }) => port),
        { connections: 8 * clients },
      );
      await new RegistryClient(balancer.url, ADMIN).pushImage('herd', image, 'v1');
      // A node sends the bytes itself until it has tried a signed URL.
      if (redirected) for (const { url } of nodes) await firstRedirect(new RegistryClient(url, ADMIN));
    });

    after(async () => {
      await balancer?.stop();
      await Promise.all(nodes.map((node) => node.stop()));
    });

    const firstRedirect = async (client: RegistryClient): Promise<void> => {
      const path = `/v2/herd/blobs/${image.config.digest}`;
      let status = 0;
      while (status !== 307) {
        const answer = await client.request('GET', path, { redirect: 'manual' });
        await answer.arrayBuffer();
        status = answer.status;
      }
    };

    const herdAt = async (url: string, servers: readonly ServerProcess[]): Promise<HerdMeasurement> => {
      const task = { url, clients, repository: 'herd', tag: 'v1', login: ADMIN, image };
      const measured = await runHerd(task, servers);
      const { pulled, failures, retries, servers: costs, ...others } = measured;
      console.log(`      ${JSON.stringify({ pulled, failures: failures.slice(0, 5), retries, ...others })}`);
      for (const cost of costs) console.log(`      ${JSON.stringify(cost)}`);
      assert.deepEqual(failures.slice(0, 5), []);
      assert.equal(pulled, clients);
      for (const { peak } of costs) assert.ok(peak < MOST_RESIDENT, `${Math.round(peak / MIB)} MiB resident`);
      return measured;
    };

    it('by two nodes', async () => {
      assert.ok(balancer);
      const { registryBytes, retryReasons } = await herdAt(balancer.url, nodes);
      // Swift itself may be asked again after a redirect, as docker does.
      const byTheNodes = Object.keys(retryReasons).filter((why) => why.includes('registry'));
      assert.deepEqual(byTheNodes, []);
      if (redirected) assert.ok(registryBytes < clients * 10 * KIB);
    });

    if (!redirected)
      it('by one node, which has fewer slots than they ask for at once', async () => {
        const [first] = nodes;
        assert.ok(first);
        await herdAt(first.url, [first]);
      });
  });
}
