import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { largeTar } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { startTarget, type RegistryTarget } from '../support/target.js';
import { runTool } from '../support/tool.js';

const GIB = 1 << 30;

describe('docker', function () {
  this.timeout(120_000);
  let daemon: DockerDaemon;
  let target: RegistryTarget;

  before(async function () {
    requireRoot(this);
    const program = requireTool(this, 'dockerd');
    requireTool(this, 'docker');
    daemon = await startDockerDaemon(program);
    target = await startTarget(this);
    if (target.login !== undefined) await daemon.login(target.authority, target.login);
    console.log(`      dockerd ${daemon.version}`);
  });

  after(async () => {
    await (daemon as DockerDaemon | undefined)?.stop();
    await (target as RegistryTarget | undefined)?.stop();
  });

  const name = (repositoryAndTag: string) => `${target.authority}/${repositoryAndTag}`;

  /** An image of a base made by `docker import` and `layers` more, each by a COPY. */
  async function build(image: string, layers: number): Promise<string> {
    const context = join(daemon.directory, `context-${randomBytes(4).toString('hex')}`);
    const root = join(context, 'root');
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'base'), randomBytes(100_000));
    await runTool('tar', ['-C', root, '-cf', join(context, 'root.tar'), '.']);
    const steps = ['FROM scratch', 'ADD root.tar /'];
    for (let i = 0; i < layers; i++) {
      await writeFile(join(context, `file-${i}`), randomBytes(50_000 * (i + 1)));
      steps.push(`COPY file-${i} /layer/`);
    }
    await writeFile(join(context, 'Dockerfile'), steps.join('\n'));
    await daemon.docker(['build', '-q', '-t', image, context]);
    return daemon.imageId(image);
  }

  async function layersOf(image: string): Promise<string[]> {
    const format = '{{json .RootFS.Layers}}';
    const { stdout } = await daemon.docker(['image', 'inspect', '--format', format, image]);
    return JSON.parse(stdout) as string[];
  }

  it('round-trips an image of several layers with the same image id', async () => {
    const image = name('team/app:v1');
    const id = await build(image, 4);
    const layers = await layersOf(image);
    assert.equal(layers.length, 5);
    await daemon.docker(['push', image]);
    await daemon.docker(['rmi', image]);
    assert.notEqual((await daemon.tryDocker(['image', 'inspect', id])).code, 0, 'the image is still here');
    await daemon.docker(['pull', image]);
    assert.equal(await daemon.imageId(image), id);
    assert.deepEqual(await layersOf(image), layers);
  });

  it('round-trips an image made by docker import', async () => {
    const root = join(daemon.directory, 'import-root');
    await mkdir(root);
    await writeFile(join(root, 'file'), randomBytes(20_000));
    const image = name('team/imported:v1');
    await runTool('tar', ['-C', root, '-cf', `${root}.tar`, '.']);
    await daemon.docker(['import', `${root}.tar`, image]);
    const id = await daemon.imageId(image);
    await daemon.docker(['push', image]);
    await daemon.docker(['rmi', image]);
    await daemon.docker(['pull', image]);
    assert.equal(await daemon.imageId(image), id);
  });

  it('uploads nothing when an image is pushed again', async () => {
    const image = name('team/again:v1');
    await build(image, 2);
    await daemon.docker(['push', image]);
    const { stdout } = await daemon.docker(['push', image]);
    assert.equal(stdout.match(/: Layer already exists$/gm)?.length, 3, stdout);
    assert.doesNotMatch(stdout, /: Pushed$/m);
  });

  it('pulls by digest', async () => {
    const image = name('team/digest:v1');
    const id = await build(image, 1);
    const { stdout } = await daemon.docker(['push', image]);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
    assert.ok(digest, stdout);
    await daemon.docker(['rmi', image]);
    const byDigest = name(`team/digest@${digest}`);
    await daemon.docker(['pull', byDigest]);
    assert.equal(await daemon.imageId(byDigest), id);
  });

  it('mounts layers from another repository', async () => {
    const image = name('mount/source:v1');
    const id = await build(image, 2);
    await daemon.docker(['push', image]);
    const copy = name('mount/target:v1');
    await daemon.docker(['tag', image, copy]);
    const { stdout } = await daemon.docker(['push', copy]);
    assert.equal(stdout.match(/: Mounted from mount\/source$/gm)?.length, 3, stdout);
    await daemon.docker(['rmi', image, copy]);
    await daemon.docker(['pull', copy]);
    assert.equal(await daemon.imageId(copy), id);
  });

  it('pushes all tags of a repository', async () => {
    const repository = name('team/tags');
    await build(`${repository}:one`, 1);
    await daemon.docker(['tag', `${repository}:one`, `${repository}:two`]);
    await daemon.docker(['push', '--all-tags', repository]);
    assert.deepEqual(await new RegistryClient(target.url, target.login).tags('team/tags'), ['one', 'two']);
  });

  it('pushes several images at once that share their layers', async () => {
    const base = name('shared/base:v1');
    await build(base, 3);
    const names = [1, 2, 3, 4].map((i) => name(`shared/copy-${i}:v1`));
    for (const copy of names) await daemon.docker(['tag', base, copy]);
    await Promise.all(names.map((copy) => daemon.docker(['push', copy])));
    const id = await daemon.imageId(base);
    await daemon.docker(['rmi', base, ...names]);
    for (const copy of names) {
      await daemon.docker(['pull', copy]);
      assert.equal(await daemon.imageId(copy), id);
      await daemon.docker(['rmi', copy]);
    }
  });

  it('fails cleanly to pull an image deleted by the registry API', async () => {
    const image = name('team/deleted:v1');
    await build(image, 1);
    const { stdout } = await daemon.docker(['push', image]);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
    assert.ok(digest, stdout);
    await daemon.docker(['rmi', image]);
    await new RegistryClient(target.url, target.login).deleteManifest('team/deleted', digest);
    for (const gone of [image, name(`team/deleted@${digest}`)]) {
      const pulled = await daemon.tryDocker(['pull', gone]);
      assert.equal(pulled.code, 1);
      assert.match(pulled.stderr, /manifest .* not found|manifest unknown/);
    }
  });

  it('round-trips a layer of 1 GiB', async function () {
    this.timeout(420_000);
    const image = name('team/large:v1');
    const id = await daemon.importImage(largeTar('random', GIB), image);
    const pushed = await daemon.docker(['push', image], { timeoutMs: 180_000 });
    await daemon.docker(['rmi', image]);
    const pulled = await daemon.docker(['pull', image], { timeoutMs: 120_000 });
    assert.equal(await daemon.imageId(image), id);
    const seconds = [pushed, pulled].map(({ milliseconds }) => (milliseconds / 1000).toFixed(1));
    console.log(`      1 GiB: push ${seconds[0]} s, pull ${seconds[1]} s`);
    await daemon.docker(['rmi', image]);
  });
});
