import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DockerDaemon } from '../support/daemon.js';
import { freePorts } from '../support/free-ports.js';
import { makeImage, type Image } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { RetryingClient, type PushMethod } from '../support/retrying-client.js';
import { ADMIN } from '../support/target.js';
import { ComposeProject } from './compose-project.js';

const MINUTE = 60_000;
const MIB = 1024 * 1024;
const READY = `fetch('http://127.0.0.1:5000/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;
/** haproxy, as Debian has it, in the place of its official image. */
const HAPROXY = `FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends haproxy
`;

describe('deploy/compose.yml', function () {
  this.timeout(25 * MINUTE);
  let project: ComposeProject;
  let daemon: DockerDaemon;
  let url: string;

  before(async function () {
    project = await ComposeProject.prepare(this, {
      name: 'sy-nodes',
      files: ['deploy/compose.yml', 'deploy/compose.swift.yml'],
      images: { stackyard: 'Dockerfile', 'stackyard-swift': 'docker/swift/Dockerfile' },
    });
    ({ daemon } = project);
    const haproxy = join(daemon.directory, 'haproxy.Dockerfile');
    await writeFile(haproxy, HAPROXY);
    await project.build('haproxy:2.6', haproxy);
    const settings = join(daemon.directory, 'stackyard.env');
    await writeFile(settings, `STACKYARD_ADMIN_PASSWORD=${ADMIN.password}\n`);
    const [port] = await freePorts(1);
    url = `http://127.0.0.1:${port}`;
    await project.up({ STACKYARD_ENV_FILE: settings, STACKYARD_LISTEN: `127.0.0.1:${port}` });
    for (const node of ['one', 'two']) await ready(node);
    await project.ready(url);
  });

  after(async () => (project as ComposeProject | undefined)?.stop());

  /** Until a node says so of itself. */
  async function ready(node: string): Promise<void> {
    const deadline = performance.now() + 5 * MINUTE;
    for (;;) {
      const container = await project.containerOf(node);
      if ((await daemon.tryDocker(['exec', container, 'node', '-e', READY])).code === 0) return;
      if (performance.now() > deadline)
        throw new Error(`not ready: ${await project.compose('logs', '--tail=20', node)}`);
      await delay(500);
    }
  }

  it('serves logins, pushes and pulls by both nodes', async () => {
    const image = makeImage({ format: 'oci', layers: 2, layerBytes: 2 * MIB });
    const client = new RegistryClient(url, ADMIN);
    await client.pushImage('team/app', image, 'v1');
    for (let i = 0; i < 4; i++) await client.assertHolds('team/app', 'v1', image);
    for (const node of ['one', 'two']) {
      const lines = await project.compose('logs', '--no-color', node);
      assert.match(lines, /"path":"\/v2\/team\/app\/blobs\//, `${node} was asked for no blob`);
    }
  });

  it('believes haproxy, not the client, whence a request comes', async () => {
    const answer = await fetch(`${url}/v2/`, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'elsewhere.example' },
    });
    assert.equal(answer.status, 401);
    await answer.arrayBuffer();
    const challenge = answer.headers.get('www-authenticate') ?? '';
    assert.ok(challenge.includes(`realm="${url}/token"`), challenge);
  });

  it('has each node made anew, one after the other, without a repeated request', async () => {
    const before = makeImage({ format: 'oci', layers: 3, layerBytes: 2 * MIB });
    await new RegistryClient(url, ADMIN).pushImage('rolling', before, 'before');
    const pushed: { reference: string; image: Image }[] = [];
    let pulls = 0;
    let running = true;
    const clients = Array.from({ length: 4 }, () => new RetryingClient(new RegistryClient(url, ADMIN)));
    const pull = async (client: RetryingClient): Promise<void> => {
      for (; running; pulls++) await client.pull('rolling', 'before', before);
    };
    const push = async (client: RetryingClient, method: PushMethod): Promise<void> => {
      for (let round = 0; running; round++) {
        const image = makeImage({ format: 'oci', layers: 2, layerBytes: MIB });
        const reference = `${method}-${round}`;
        await client.push('rolling', reference, image, method);
        pushed.push({ reference, image });
      }
    };
    const [first, second, third, fourth] = clients;
    assert.ok(first && second && third && fourth);
    const load = Promise.all([pull(first), pull(second), push(third, 'patch'), push(fourth, 'chunks')]);
    const renewAll = async (): Promise<void> => {
      for (const node of ['one', 'two']) {
        await project.compose('up', '-d', '--no-deps', '--no-build', '--force-recreate', node);
        await ready(node);
        await delay(5000); // haproxy has seen it
      }
    };
    await Promise.race([renewAll(), load]).finally(() => (running = false));
    await load;
    const retries = clients.flatMap((client) => client.retries);
    console.log(`      ${pulls} pulls and ${pushed.length} pushes, ${retries.length} repeats`);
    assert.deepEqual(retries, []);
    assert.ok(pulls > 4 && pushed.length > 2);
    const client = new RegistryClient(url, ADMIN);
    for (const { reference, image } of pushed) await client.assertHolds('rolling', reference, image);
  });

  for (const service of ['one', 'two', 'haproxy']) {
    it(`runs ${service} without root, on a root that is read-only`, async () => {
      const container = await project.containerOf(service);
      assert.notEqual((await daemon.docker(['exec', container, 'id', '-u'])).stdout.trim(), '0');
      assert.notEqual((await daemon.tryDocker(['exec', container, 'sh', '-c', 'echo > /tmp/x'])).code, 0);
    });
  }
});
