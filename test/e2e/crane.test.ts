import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireGoTool } from '../support/go-tools.js';
import { descriptor, makeImage, tarOf, type Image } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { clientConfig, startTarget, type RegistryTarget } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';

describe('crane', function () {
  this.timeout(120_000);
  let program: string;
  let target: RegistryTarget;
  let client: RegistryClient;
  let home: TemporaryDirectory;

  before(async function () {
    this.timeout(900_000);
    program = await requireGoTool(this, 'crane');
    home = await temporaryDirectory('crane');
    target = await startTarget(this);
    await writeFile(join(home.path, 'config.json'), clientConfig(target));
    client = new RegistryClient(target.url, target.login);
  });

  after(async () => {
    await (target as RegistryTarget | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const env = () => ({ DOCKER_CONFIG: home.path });
  const name = (reference: string) => `${target.authority}/${reference}`;
  const crane = async (...args: string[]) => (await runTool(program, args, { env: env() })).stdout.trim();
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');

  async function pushed(reference: string): Promise<Image> {
    const image = makeImage({ format: 'oci', layers: 2 });
    const [repository = '', tag] = reference.split(':');
    await client.pushImage(repository, image, tag);
    return image;
  }

  it('pulls a layout and pushes it elsewhere with the same digest', async () => {
    const image = await pushed('pull/app:v1');
    const layout = join(home.path, 'layout');
    await crane('pull', '--format=oci', name('pull/app:v1'), layout);
    await crane('push', layout, name('push/app:v1'));
    await client.assertHolds('push/app', 'v1', image);
    assert.equal(await crane('digest', name('push/app:v1')), image.manifest.digest);
    await crane('validate', '--remote', name('push/app:v1'));
  });

  it('pulls a tarball and pushes it', async () => {
    const image = await pushed('tarball/app:v1');
    const tarball = join(home.path, 'image.tar');
    await crane('pull', name('tarball/app:v1'), tarball);
    await crane('push', tarball, name('tarball/copy:v1'));
    assert.equal(await crane('config', name('tarball/copy:v1')), image.config.bytes.toString());
  });

  it('copies between repositories, by tag and by digest, and all tags', async () => {
    const image = await pushed('copy/source:v1');
    await crane('copy', name('copy/source:v1'), name('copy/target:v2'));
    await client.assertHolds('copy/target', 'v2', image);
    await crane('copy', name(`copy/source@${image.manifest.digest}`), name('copy/digest:v3'));
    await client.assertHolds('copy/digest', 'v3', image);
    await crane('copy', '--all-tags', name('copy/source'), name('copy/all'));
    await client.assertHolds('copy/all', 'v1', image);
  });

  it('lists tags and repositories', async () => {
    for (const tag of ['v2', 'v1', 'latest']) await pushed(`list/app:${tag}`);
    assert.deepEqual(lines(await crane('ls', name('list/app'))), ['latest', 'v1', 'v2']);
    assert.ok(lines(await crane('catalog', target.authority)).includes('list/app'));
  });

  it('reads the manifest as it was pushed', async () => {
    const image = await pushed('manifest/app:v1');
    assert.equal(await crane('manifest', name('manifest/app:v1')), image.manifest.bytes.toString());
  });

  it('reads a blob', async () => {
    const image = await pushed('blob/app:v1');
    const { digest, bytes } = image.config;
    assert.equal(await crane('blob', name(`blob/app@${digest}`)), bytes.toString());
  });

  it('appends a layer to an image', async () => {
    const image = await pushed('append/app:v1');
    const layer = join(home.path, 'layer.tar');
    await writeFile(layer, tarOf('appended', randomBytes(5000)));
    await crane('append', '-b', name('append/app:v1'), '-f', layer, '-t', name('append/app:v2'));
    const manifest = JSON.parse(await crane('manifest', name('append/app:v2'))) as { layers: unknown[] };
    assert.deepEqual(manifest.layers.slice(0, 2), image.layers.map(descriptor));
    assert.equal(manifest.layers.length, 3);
  });

  it('mutates an image in place and under another tag', async () => {
    await pushed('mutate/app:v1');
    await crane('mutate', name('mutate/app:v1'), '-t', name('mutate/app:v2'), '--label', 'colour=green');
    const config = JSON.parse(await crane('config', name('mutate/app:v2'))) as {
      config: { Labels: Record<string, string> };
    };
    assert.deepEqual(config.config.Labels, { colour: 'green' });
  });

  it('adds images to an index and filters it', async () => {
    const a = await pushed('index/a:v1');
    const b = await pushed('index/b:v1');
    const images = ['-m', name('index/a:v1'), '-m', name('index/b:v1')];
    await crane('index', 'append', ...images, '-t', name('index/all:v1'));
    const index = JSON.parse(await crane('manifest', name('index/all:v1'))) as {
      manifests: { digest: string }[];
    };
    assert.deepEqual(
      index.manifests.map(({ digest }) => digest),
      [a.manifest.digest, b.manifest.digest],
    );
    await crane(
      'index',
      'filter',
      name('index/all:v1'),
      '--platform',
      'linux/arm64',
      '-t',
      name('index/none:v1'),
    );
    assert.match(await crane('manifest', name('index/none:v1')), /"manifests": ?(\[\]|null)/);
  });

  it('tags an image', async () => {
    const image = await pushed('tag/app:v1');
    await crane('tag', name('tag/app:v1'), 'stable');
    await client.assertHolds('tag/app', 'stable', image);
  });

  it('deletes an image, which is then not found', async () => {
    const image = await pushed('delete/app:v1');
    await crane('delete', name(`delete/app@${image.manifest.digest}`));
    const answer = await tryTool(program, ['digest', name('delete/app:v1')], { env: env() });
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /404 Not Found|MANIFEST_UNKNOWN/);
  });
});
