import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, type OwnedChild } from '../support/child.js';
import { freePorts } from '../support/free-ports.js';
import { makeImage } from '../support/image.js';
import { projectRoot } from '../support/project.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { runTool } from '../support/tool.js';

const FILE = join(projectRoot, 'deploy', 'haproxy.cfg');

describe('deploy/haproxy.cfg', function () {
  this.timeout(60_000);

  it('repeats and looks as the balancer of the tests of rolling restarts', async () => {
    const [own, ofTests] = await Promise.all(
      [FILE, join(projectRoot, 'test', 'support', 'haproxy.ts')].map((file) => readFile(file, 'utf8')),
    );
    const rules = [...(ofTests ?? '').matchAll(/'\s*((?:retries|retry-on|option) [^']*)'/g)];
    assert.ok(rules.length >= 4);
    for (const [, rule = ''] of rules) assert.ok(own?.includes(`\n  ${rule}\n`), rule);
  });

  for (const names of [{}, { RESOLVE_NODES: '1' }]) {
    it(`is valid with ${Object.keys(names).join() || 'nothing more'}`, async function () {
      const program = requireTool(this, 'haproxy');
      const env = {
        ...process.env,
        LISTEN: ':5000',
        NODE_ONE: 'localhost:1',
        NODE_TWO: 'localhost:2',
        ...names,
      };
      const { stderr } = await runTool(program, ['-c', '-f', FILE], { env });
      assert.doesNotMatch(stderr, /WARNING|ALERT/);
    });
  }

  describe('run', () => {
    const nodes: ServerProcess[] = [];
    let balancer: OwnedChild;
    let url: string;

    before(async function () {
      const program = requireTool(this, 'haproxy');
      const env = { ...WITH_LOGINS, STACKYARD_SERVER_TRUSTED_PROXIES: '127.0.0.0/8' };
      const first = await startServer({ env });
      nodes.push(first, await startServer({ env, root: first.root }));
      const [port] = await freePorts(1);
      const [one, two] = nodes.map((node) => `localhost:${node.port}`);
      assert.ok(one && two);
      url = `http://127.0.0.1:${port}`;
      balancer = await startChild(program, ['-db', '-f', FILE], {
        env: {
          ...process.env,
          LISTEN: `127.0.0.1:${port}`,
          NODE_ONE: one,
          NODE_TWO: two,
          RESOLVE_NODES: '1',
        },
        stdio: 'ignore',
      });
      const status = () =>
        fetch(`${url}/readyz`).then(
          (answer) => answer.status,
          () => 0,
        );
      const deadline = performance.now() + 20_000;
      while ((await status()) !== 200 && performance.now() < deadline) await delay(50);
    });
    after(async () => {
      await (balancer as OwnedChild | undefined)?.stop(5000);
      for (const node of nodes.reverse()) await node.stop();
    });

    const asked = (node: ServerProcess): number => node.log.filter(({ status }) => status === 200).length;

    it('carries logins, pushes and pulls to both nodes, and tells them how clients call them', async () => {
      const client = new RegistryClient(url, ADMIN);
      const image = makeImage({ format: 'oci', layers: 3, layerBytes: 500_000 });
      await client.pushImage('team/app', image, 'v1');
      for (let i = 0; i < 3; i++) await client.assertHolds('team/app', 'v1', image);
      // A log is written a little later than the answer.
      const deadline = performance.now() + 10_000;
      while (!nodes.every((node) => asked(node) > 0) && performance.now() < deadline) await delay(50);
      for (const node of nodes) assert.ok(asked(node) > 0);
      const forged = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'elsewhere.example' };
      const answer = await fetch(`${url}/v2/`, { headers: forged });
      await answer.arrayBuffer();
      assert.match(answer.headers.get('www-authenticate') ?? '', new RegExp(`realm="${url}/token"`));
    });

    it('gives what could not be connected to the other node', async () => {
      await nodes[1]?.kill('SIGKILL');
      for (let i = 0; i < 20; i++) {
        const [answer] = (await once(get(`${url}/healthz`, { agent: false }), 'response')) as [
          IncomingMessage,
        ];
        answer.resume();
        assert.equal(answer.statusCode, 200);
      }
    });
  });
});
