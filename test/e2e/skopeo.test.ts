import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertSameFiles } from '../support/directories.js';
import { descriptor, makeImage, makeIndex, writeDir, writeLayout, type Image } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { clientConfig, startTarget, type RegistryTarget } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool, type ToolResult } from '../support/tool.js';

describe('skopeo', function () {
  this.timeout(120_000);
  let target: RegistryTarget;
  let client: RegistryClient;
  let home: TemporaryDirectory;

  before(async function () {
    requireTool(this, 'skopeo');
    home = await temporaryDirectory('skopeo');
    target = await startTarget(this);
    await writeFile(at('auth.json'), clientConfig(target));
    client = new RegistryClient(target.url, target.login);
  });

  after(async () => {
    await (target as RegistryTarget | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const at = (...parts: string[]) => join(home.path, ...parts);
  const docker = (name: string) => `docker://${target.authority}/${name}`;
  const env = () => ({ TMPDIR: home.path, REGISTRY_AUTH_FILE: at('auth.json') });
  const skopeo = (...args: string[]): Promise<ToolResult> => runTool('skopeo', args, { env: env() });
  const push = (source: string, name: string, ...options: string[]) =>
    skopeo('copy', '--preserve-digests', '--dest-tls-verify=false', ...options, source, docker(name));
  const pull = (name: string, destination: string, ...options: string[]) =>
    skopeo('copy', '--preserve-digests', '--src-tls-verify=false', ...options, docker(name), destination);

  /** Pushes an image under a tag and returns it. */
  async function pushed(name: string, format: 'oci' | 'docker'): Promise<Image> {
    const image = makeImage({ format, layers: 3 });
    const [repository = '', tag] = name.split(':');
    await client.pushImage(repository, image, tag);
    return image;
  }

  for (const format of ['oci', 'docker'] as const) {
    it(`copies a ${format} image there and back with the same bytes`, async () => {
      const image = makeImage({ format, layers: 3, layerBytes: 300_000 });
      await writeDir(at(format, 'source'), image);
      await push(`dir:${at(format, 'source')}`, `copy/${format}:v1`);
      await client.assertHolds(`copy/${format}`, 'v1', image);
      await pull(`copy/${format}:v1`, `dir:${at(format, 'target')}`);
      await assertSameFiles(at(format, 'target'), at(format, 'source'));
    });
  }

  it('copies an OCI layout there and back with the same bytes', async () => {
    const image = makeImage({ format: 'oci', layers: 2 });
    await writeLayout(at('layout'), image.manifest, [image.config, ...image.layers], 'v1');
    await push(`oci:${at('layout')}:v1`, 'copy/layout:v1');
    await pull('copy/layout:v1', `oci:${at('layout-back')}:v1`);
    await assertSameFiles(at('layout-back', 'blobs'), at('layout', 'blobs'));
  });

  it('copies an index with all its images there and back with the same bytes', async () => {
    const images = ['amd64', 'arm64'].map((architecture) => ({
      architecture,
      image: makeImage({ format: 'oci', layers: 2, architecture }),
    }));
    const index = makeIndex(images);
    const contents = images.flatMap(({ image }) => [image.manifest, image.config, ...image.layers]);
    await writeLayout(at('index'), index, contents, 'all');
    await push(`oci:${at('index')}:all`, 'copy/index:all', '--all');
    const held = await client.manifest('copy/index', 'all');
    assert.equal(held.mediaType, index.mediaType);
    assert.ok(held.bytes.equals(index.bytes));
    await pull('copy/index:all', `oci:${at('index-back')}:all`, '--all');
    await assertSameFiles(at('index-back', 'blobs'), at('index', 'blobs'));
  });

  it('copies from one repository to another', async () => {
    const image = await pushed('between/source:v1', 'docker');
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('copy', ...tls, docker('between/source:v1'), docker('between/target:v2'));
    await client.assertHolds('between/target', 'v2', image);
  });

  it('syncs a repository with all its tags to a directory and to another namespace', async () => {
    const images = { one: await pushed('sync/app:one', 'oci'), two: await pushed('sync/app:two', 'docker') };
    await mkdir(at('synced'));
    const source = `${target.authority}/sync/app`;
    await skopeo('sync', '--src-tls-verify=false', '--src=docker', '--dest=dir', source, at('synced'));
    for (const [tag, { manifest }] of Object.entries(images))
      assert.ok((await readFile(at('synced', `app:${tag}`, 'manifest.json'))).equals(manifest.bytes));
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('sync', ...tls, '--src=docker', '--dest=docker', source, `${target.authority}/synced`);
    for (const [tag, image] of Object.entries(images)) await client.assertHolds('synced/app', tag, image);
  });

  it('lists the tags of a repository', async () => {
    for (const tag of ['v1', 'v1-rc', 'latest']) await pushed(`list/app:${tag}`, 'oci');
    const { stdout } = await skopeo('list-tags', '--tls-verify=false', docker('list/app'));
    assert.deepEqual((JSON.parse(stdout) as { Tags: string[] }).Tags, ['latest', 'v1', 'v1-rc']);
  });

  it('inspects an image, and its raw manifest', async () => {
    const image = await pushed('inspect/app:v1', 'oci');
    const { stdout } = await skopeo('inspect', '--tls-verify=false', docker('inspect/app:v1'));
    const seen = JSON.parse(stdout) as { Digest: string; RepoTags: string[]; Layers: string[] };
    assert.equal(seen.Digest, image.manifest.digest);
    assert.deepEqual(seen.RepoTags, ['v1']);
    assert.deepEqual(
      seen.Layers,
      image.layers.map((layer) => descriptor(layer).digest),
    );
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', docker('inspect/app:v1'));
    assert.equal(raw.stdout, image.manifest.bytes.toString());
  });

  it('deletes an image, which is then not found', async () => {
    await pushed('delete/app:v1', 'oci');
    await skopeo('delete', '--tls-verify=false', docker('delete/app:v1'));
    const answer = await tryTool('skopeo', ['inspect', '--tls-verify=false', docker('delete/app:v1')], {
      env: env(),
    });
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /manifest unknown/);
  });
});
