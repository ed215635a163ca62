import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DockerDaemon } from '../support/daemon.js';
import { freePorts } from '../support/free-ports.js';
import { ComposeProject } from './compose-project.js';

const MINUTE = 60_000;

describe('docker-compose.yml', function () {
  this.timeout(25 * MINUTE);
  let project: ComposeProject;
  let daemon: DockerDaemon;
  let registry: string;

  before(async function () {
    project = await ComposeProject.prepare(this, {
      name: 'sy-compose-test',
      files: ['docker-compose.yml'],
      images: { stackyard: 'Dockerfile', 'stackyard-swift': 'docker/swift/Dockerfile' },
    });
    ({ daemon } = project);
    const [stackyard, swift, keystone] = await freePorts(3);
    registry = `127.0.0.1:${stackyard}`;
    await project.up({
      STACKYARD_PORT: String(stackyard),
      SWIFT_PORT: String(swift),
      KEYSTONE_PORT: String(keystone),
    });
    await ready();
  });

  after(async () => (project as ComposeProject | undefined)?.stop());

  const ready = (): Promise<void> => project.ready(`http://${registry}`);

  it('lets users of its Keystone log in, to the namespaces of their projects', async () => {
    const image = `${registry}/registry/app:v1`;
    await daemon.docker(['tag', 'debian:bookworm-slim', image]);
    await daemon.login(registry, { username: 'registry@Default', password: 'registrypass' });
    await daemon.docker(['push', image]);
    await daemon.docker(['tag', image, `${registry}/elsewhere/app:v1`]);
    assert.notEqual((await daemon.tryDocker(['push', `${registry}/elsewhere/app:v1`])).code, 0);
  });

  it('keeps an image through a stop of all', async () => {
    const image = `${registry}/team/app:v1`;
    const context = join(daemon.directory, 'context');
    await mkdir(context);
    await writeFile(join(context, 'layer'), randomBytes(20_000_000));
    await writeFile(join(context, 'Dockerfile'), 'FROM debian:bookworm-slim\nCOPY layer /layer\n');
    await daemon.docker(['build', '-q', '-t', image, context]);
    const id = await daemon.imageId(image);
    assert.notEqual((await daemon.tryDocker(['push', image])).code, 0, 'pushed without a login');
    await daemon.login(registry, { username: 'admin', password: 'stackyard' });
    await daemon.docker(['push', image]);
    await daemon.docker(['rmi', image]);

    await project.compose('stop');
    await project.compose('up', '-d', '--no-build');
    await ready();
    await daemon.docker(['pull', image]);
    assert.equal(await daemon.imageId(image), id);
  });

  it('serves again after its Swift lost a part and was started anew', async () => {
    const swift = await project.containerOf('swift');
    await daemon.docker([
      'exec',
      swift,
      'sh',
      '-c',
      'kill -9 $(cut -d " " -f 1 /srv/swift/run/proxy-server.pid)',
    ]);
    const restarts = async () => {
      const { stdout } = await daemon.docker(['inspect', '--format', '{{.RestartCount}}', swift]);
      return Number(stdout);
    };
    const deadline = performance.now() + MINUTE;
    while ((await restarts()) === 0 && performance.now() < deadline) await delay(500);
    assert.equal(await restarts(), 1);
    await ready();
    await daemon.docker(['pull', `${registry}/team/app:v1`]);
  });

  for (const service of ['stackyard', 'swift']) {
    it(`runs ${service} without root, reachable from this machine only`, async () => {
      const container = await project.containerOf(service);
      assert.notEqual((await daemon.docker(['exec', container, 'id', '-u'])).stdout.trim(), '0');
      const format = '{{json .NetworkSettings.Ports}}';
      const { stdout } = await daemon.docker(['inspect', '--format', format, container]);
      const published = Object.values(JSON.parse(stdout) as Record<string, { HostIp: string }[] | null>);
      const addresses = published.flatMap((bindings) => (bindings ?? []).map(({ HostIp }) => HostIp));
      assert.ok(addresses.length > 0);
      assert.deepEqual([...new Set(addresses)], ['127.0.0.1']);
    });
  }
});
