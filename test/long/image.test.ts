import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Authority } from '../support/authority.js';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { freePorts } from '../support/free-ports.js';
import { content, makeImage, MEDIA_TYPES, type Content } from '../support/image.js';
import { projectRoot } from '../support/project.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { makeBaseImages } from './base-images.js';

const MINUTE = 60_000;
const MB = 1_000_000;
/** Of what the image adds to that of node. */
const SIZE_LIMIT = 30 * MB;
const LOCKED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
/** This daemon has no network but the host's. */
const NETWORK = ['--network', 'host'];

describe('the image', function () {
  this.timeout(15 * MINUTE);
  let daemon: DockerDaemon;

  before(async function () {
    requireRoot(this);
    const dockerd = requireTool(this, 'dockerd');
    const debootstrap = requireTool(this, 'debootstrap');
    daemon = await startDockerDaemon(dockerd);
    await makeBaseImages(daemon, debootstrap);
    const args = ['build', '-q', '--build-arg', 'VERSION=1.2.3', ...NETWORK, '-t', 'stackyard', projectRoot];
    await daemon.docker(args, { timeoutMs: 10 * MINUTE });
  });
  after(() => (daemon as DockerDaemon | undefined)?.stop());

  const inspect = async (what: string, format: string): Promise<string> =>
    (await daemon.docker(['inspect', '--format', format, what])).stdout.trim();

  async function run(name: string, args: readonly string[], env: Record<string, string>): Promise<void> {
    const variables = Object.entries({
      ...WITH_LOGINS,
      STACKYARD_SERVER_HOST: '127.0.0.1',
      STACKYARD_STORAGE_DRIVER: 'filesystem',
      ...env,
    }).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    await daemon.docker(['run', '-d', '--name', name, ...LOCKED, ...NETWORK, ...variables, ...args]);
  }

  async function healthy(name: string): Promise<void> {
    const deadline = performance.now() + MINUTE;
    while ((await inspect(name, '{{.State.Health.Status}}')) !== 'healthy') {
      if (performance.now() > deadline) {
        const { stdout } = await daemon.docker(['logs', '--tail', '5', name]);
        throw new Error(`${name} is not healthy: ${stdout} ${await inspect(name, '{{json .State.Health}}')}`);
      }
      await delay(500);
    }
  }

  it('adds little to the image of node, and says what it is', async () => {
    const [own, base] = await Promise.all(
      ['stackyard', 'node:20-bookworm-slim'].map(async (name) => Number(await inspect(name, '{{.Size}}'))),
    );
    assert.ok(own && base);
    console.log(
      `      ${(own / MB).toFixed(0)} MB, of which ${((own - base) / MB).toFixed(1)} MB are not node's`,
    );
    assert.ok(own - base < SIZE_LIMIT, `${own - base} bytes`);
    const labels = JSON.parse(await inspect('stackyard', '{{json .Config.Labels}}')) as Record<
      string,
      string
    >;
    assert.equal(labels['org.opencontainers.image.title'], 'Stackyard');
    assert.equal(labels['org.opencontainers.image.version'], '1.2.3');
    assert.equal(await inspect('stackyard', '{{.Config.User}}'), '10001:10001');
  });

  it('serves read-only, without capabilities and root, and finishes an upload when it is stopped', async () => {
    const [port] = await freePorts(1);
    const options = ['--user', '10001', '-v', 'data:/var/lib/stackyard', 'stackyard'];
    await run('plain', options, { STACKYARD_SERVER_PORT: String(port) });
    await healthy('plain');
    const client = new RegistryClient(`http://127.0.0.1:${port}`, ADMIN);
    const image = makeImage({ format: 'oci', layers: 2, layerBytes: 1_000_000 });
    await client.pushImage('team/app', image, 'v1');
    await client.assertHolds('team/app', 'v1', image);

    const { stdout: uid } = await daemon.docker(['exec', 'plain', 'id', '-u']);
    assert.equal(uid.trim(), '10001');
    for (const path of ['/file', '/opt/stackyard/file', '/tmp/file']) {
      const written = await daemon.tryDocker(['exec', 'plain', 'sh', '-c', `echo > ${path}`]);
      assert.notEqual(written.code, 0, `${path} was written`);
    }
    const check = ['plain', 'node', '/opt/stackyard/docker/healthcheck.mjs'];
    assert.equal((await daemon.tryDocker(['exec', ...check])).code, 0);
    const elsewhere = await daemon.tryDocker(['exec', '-e', 'STACKYARD_SERVER_PORT=1', ...check]);
    assert.equal(elsewhere.code, 1, 'a server that does not answer counts as healthy');

    const blob = content(MEDIA_TYPES.ociLayer, randomBytes(1_000_000));
    const { answer, finish } = await startUpload(client, blob);
    await delay(500); // has begun by the time of the signal
    const stopping = daemon.docker(['stop', '--time', '60', 'plain']);
    await delay(1000);
    finish();
    assert.equal((await answer).status, 201);
    await stopping;
    assert.equal(await inspect('plain', '{{.State.ExitCode}}'), '0');
  });

  it('is healthy by TLS too, as a file configures it, with workers, and takes over a new certificate', async function () {
    const [port] = await freePorts(1);
    assert.ok(port);
    const tls = join(daemon.directory, 'tls');
    await mkdir(tls);
    const authority = await Authority.create(this, tls);
    await authority.issue('server', 'first');
    await chmod(join(tls, 'server.key'), 0o644);
    const lines = [
      `server: {port: ${port}, workers: 2, tls: {certificate: /tls/server.pem, key: /tls/server.key}}`,
    ];
    await writeFile(join(tls, 'stackyard.yaml'), lines.join('\n'));
    const volumes = ['-v', `${tls}:/tls:ro`, '-v', 'tls-data:/var/lib/stackyard'];
    await run('tls', [...volumes, 'stackyard'], { STACKYARD_CONFIG: '/tls/stackyard.yaml' });
    await healthy('tls');
    assert.deepEqual(await namesAt(port), ['first']);

    await authority.issue('server', 'second');
    await chmod(join(tls, 'server.key'), 0o644);
    const deadline = performance.now() + MINUTE;
    while ((await namesAt(port)).includes('first') && performance.now() < deadline) await delay(500);
    assert.deepEqual(await namesAt(port), ['second']);
    await daemon.docker(['stop', '--time', '60', 'tls']);
    assert.equal(await inspect('tls', '{{.State.ExitCode}}'), '0');
  });
});

/** The upload of a blob by one PUT, of which half is sent until it is finished. */
async function startUpload(
  client: RegistryClient,
  { digest, bytes }: Content,
): Promise<{ answer: Promise<Response>; finish: () => void }> {
  const opened = await client.request('POST', '/v2/team/app/blobs/uploads/');
  const session = new URL(opened.headers.get('location') ?? '', client.url);
  session.searchParams.set('digest', digest);
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const halves = async function* (): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, bytes.length / 2);
    await finished;
    yield bytes.subarray(bytes.length / 2);
  };
  const headers = { 'content-type': 'application/octet-stream' };
  const init = { headers, body: ReadableStream.from(halves()), duplex: 'half' as const };
  return { answer: client.request('PUT', session.href, init), finish };
}

/** Whom the certificates name that several connections are shown. */
async function namesAt(port: number): Promise<string[]> {
  const names = new Set<string>();
  for (let i = 0; i < 8; i++) {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    names.add(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  }
  return [...names].sort();
}
