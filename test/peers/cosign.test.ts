import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireGoTool } from '../support/go-tools.js';
import { makeImage } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS, clientConfig } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';

describe('cosign', function () {
  this.timeout(120_000);
  let program: string;
  let server: ServerProcess;
  let home: TemporaryDirectory;

  before(async function () {
    this.timeout(900_000);
    program = await requireGoTool(this, 'cosign');
    home = await temporaryDirectory('cosign');
    server = await startServer({ env: WITH_LOGINS });
    const authority = `${server.host}:${server.port}`;
    await writeFile(join(home.path, 'config.json'), clientConfig({ authority, login: ADMIN }));
    await cosign('generate-key-pair');
    await cosign('generate-key-pair', '--output-key-prefix', 'other');
  });

  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const options = (env: Record<string, string> = {}) => ({
    cwd: home.path,
    env: { COSIGN_PASSWORD: 'test', DOCKER_CONFIG: home.path, HOME: home.path, ...env },
  });
  const cosign = (...args: string[]) => runTool(program, args, options());
  const HTTP = '--allow-http-registry';
  const verifyWith = (key: string) => [
    '--key',
    key,
    '--insecure-ignore-tlog=true',
    '--private-infrastructure',
    HTTP,
  ];
  const SIGN = ['--key', 'cosign.key', '--tlog-upload=false', '--yes', HTTP];

  /** Pushes an image and returns its name by digest. */
  async function pushed(repository: string): Promise<string> {
    const image = makeImage({ format: 'oci' });
    await new RegistryClient(server.url, ADMIN).pushImage(repository, image, 'v1');
    return `${server.host}:${server.port}/${repository}@${image.manifest.digest}`;
  }

  it('signs an image and verifies it with the right key only', async () => {
    const image = await pushed('signed/app');
    await cosign('sign', ...SIGN, image);
    const { stdout } = await cosign('verify', ...verifyWith('cosign.pub'), image);
    assert.match(stdout, /docker-manifest-digest/);
    const wrong = await tryTool(program, ['verify', ...verifyWith('other.pub'), image], options());
    assert.notEqual(wrong.code, 0);
  });

  it('does not verify an image that was not signed', async () => {
    const image = await pushed('unsigned/app');
    const answer = await tryTool(program, ['verify', ...verifyWith('cosign.pub'), image], options());
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /no signatures found/);
  });

  it('stores a signature as a referrer and finds it through the referrers API', async () => {
    const image = await pushed('referrer/app');
    const env = { COSIGN_EXPERIMENTAL: '1' };
    const mode = '--registry-referrers-mode=oci-1-1';
    await runTool(program, ['sign', ...SIGN, mode, image], options(env));
    const digest = image.slice(image.indexOf('@') + 1);
    const client = new RegistryClient(server.url, ADMIN);
    const answer = await client.request('GET', `/v2/referrer/app/referrers/${digest}`);
    assert.equal(((await answer.json()) as { manifests: unknown[] }).manifests.length, 1);
    assert.deepEqual(await client.tags('referrer/app'), ['v1']);
    const { stdout } = await runTool(
      program,
      ['verify', ...verifyWith('cosign.pub'), '--experimental-oci11', image],
      options(env),
    );
    assert.match(stdout, /docker-manifest-digest/);
  });

  it('attests, verifies the attestation, and copies all of it', async () => {
    const image = await pushed('attested/app');
    await writeFile(join(home.path, 'predicate.json'), '{"checked":true}');
    await cosign('sign', ...SIGN, image);
    await cosign('attest', ...SIGN, '--type', 'custom', '--predicate', 'predicate.json', image);
    const custom = ['--type', 'custom'];
    await cosign('verify-attestation', ...verifyWith('cosign.pub'), ...custom, image);
    const copy = image.replace('attested/app', 'copied/app').replace(/@.*/, ':v1');
    await cosign('copy', HTTP, image, copy);
    await cosign('verify', ...verifyWith('cosign.pub'), copy);
    await cosign('verify-attestation', ...verifyWith('cosign.pub'), ...custom, copy);
  });
});
