import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { startHaproxy, type LoadBalancer } from '../support/haproxy.js';
import { largeTar } from '../support/image.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { ADMIN, clientConfig, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';

const MIB = 1024 * 1024;

describe('docker and skopeo while two nodes are restarted, one after the other', function () {
  this.timeout(300_000);
  let balancer: LoadBalancer | undefined;
  let daemon: DockerDaemon | undefined;
  let home: TemporaryDirectory;
  let env: Record<string, string>;
  const nodes: ServerProcess[] = [];

  before(async function () {
    requireRoot(this);
    const haproxy = requireTool(this, 'haproxy');
    const skopeo = requireTool(this, 'skopeo');
    assert.ok(skopeo);
    home = await temporaryDirectory('rolling');
    const swift = swiftEnvironment((await swiftBed(this)).v1);
    env = { ...swift, ...WITH_LOGINS, STACKYARD_SERVER_DRAIN_DELAY: '2s' };
    for (let i = 0; i < 2; i++) nodes.push(await startServer({ env }));
    balancer = await startHaproxy(
      haproxy,
      nodes.map(({ port }) => port),
    );
    await writeFile(
      join(home.path, 'auth.json'),
      clientConfig({ authority: balancer.authority, login: ADMIN }),
    );
    daemon = await startDockerDaemon(requireTool(this, 'dockerd'));
    await daemon.login(balancer.authority, ADMIN);
  });

  after(async () => {
    await daemon?.stop();
    await balancer?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  it('no push and no pull fails', async () => {
    assert.ok(balancer && daemon);
    const { authority } = balancer;
    const engine = daemon;
    const base = `${authority}/base:v1`;
    const id = await engine.importImage(largeTar('base', 40 * MIB), base);
    await engine.docker(['push', base]);
    let restarting = true;
    const counts = { pushes: 0, pulls: 0, copies: 0 };
    const withDocker = async (): Promise<void> => {
      while (restarting) {
        const name = `${authority}/pushed:v${counts.pushes}`;
        await engine.importImage(largeTar('layer', 10 * MIB), name);
        await engine.docker(['push', name]);
        counts.pushes += 1;
        await engine.docker(['rmi', base]);
        await engine.docker(['pull', base]);
        assert.equal(await engine.imageId(base), id);
        counts.pulls += 1;
      }
    };
    const withSkopeo = async (): Promise<void> => {
      const options = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      const auth = { REGISTRY_AUTH_FILE: join(home.path, 'auth.json'), TMPDIR: home.path };
      for (; restarting; counts.copies++) {
        const target = `docker://${authority}/copies:v${counts.copies}`;
        await runTool('skopeo', ['copy', ...options, `docker://${base}`, `dir:${join(home.path, 'copy')}`], {
          env: auth,
        });
        await runTool('skopeo', ['copy', ...options, `dir:${join(home.path, 'copy')}`, target], {
          env: auth,
        });
      }
    };
    const clients = Promise.all([withDocker(), withSkopeo()]);
    const restarts = async (): Promise<void> => {
      for (const [index, node] of nodes.entries()) {
        assert.equal(await node.stop(), 0);
        nodes[index] = await startServer({ env, port: node.port });
        await new Promise((done) => setTimeout(done, 1500));
      }
    };
    await Promise.race([restarts(), clients]).finally(() => (restarting = false));
    await clients;
    console.log(`      ${JSON.stringify(counts)}`);
    assert.ok(counts.pushes > 0 && counts.pulls > 0 && counts.copies > 0);
  });
});
