import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReference } from '../../src/domain/reference.js';
import { startDockerDaemon } from '../support/daemon.js';
import type { DockerDaemon } from '../support/daemon.js';
import { makeImage, makeIndex, tarOf, writeDir, writeLayout } from '../support/image.js';
import { onStore } from '../support/in-process.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { temporaryDirectory } from '../support/temporary.js';
import type { TemporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';
import { NAME, everything, exported, importInto } from './archives.js';

describe('archive: skopeo', function () {
  this.timeout(60_000);
  let home: TemporaryDirectory;
  before(async function () {
    requireTool(this, 'skopeo');
    home = await temporaryDirectory('archive');
  });
  after(() => (home as TemporaryDirectory | undefined)?.remove());

  const at = (...parts: string[]) => join(home.path, ...parts);
  const copy = (...args: string[]) =>
    runTool('skopeo', ['--insecure-policy', 'copy', ...args], { env: { TMPDIR: home.path } });

  onStore('filesystem', (bench) => {
    it('what it archives as OCI comes back with the same bytes, of an index too', async () => {
      const { registry, driver } = bench().node;
      const images = ['amd64', 'arm64'].map((architecture) => ({
        architecture,
        image: makeImage({ format: 'oci', architecture }),
      }));
      const index = makeIndex(images);
      const contents = images.flatMap(({ image }) => [image.manifest, image.config, ...image.layers]);
      await writeLayout(at('layout'), index, contents, 'all');
      await copy('--all', `oci:${at('layout')}:all`, `oci-archive:${at('oci.tar')}:example.com/x:all`);
      const report = await importInto(registry, await readFile(at('oci.tar')));
      assert.deepEqual(
        report.images.map(({ digest, tags }) => [digest.toString(), tags]),
        [[index.digest, ['all']]],
      );
      await writeFile(at('back.tar'), await exported(registry, 'all'));
      await copy('--all', `oci-archive:${at('back.tar')}:all`, `dir:${at('back')}`);
      assert.ok((await readFile(at('back', 'manifest.json'))).equals(index.bytes));
      for (const { digest, bytes } of contents.filter(({ mediaType }) => !mediaType.includes('manifest')))
        assert.ok((await readFile(at('back', digest.slice(7)))).equals(bytes));
      const before = await everything(driver);
      assert.equal((await importInto(registry, await readFile(at('back.tar')))).blobs.added, 0);
      assert.deepEqual(await everything(driver), before);
      // What docker load would take: the image for linux/amd64.
      await copy(`docker-archive:${at('back.tar')}:team/app:all`, `dir:${at('loaded')}`);
      const loaded = JSON.parse(await readFile(at('loaded', 'manifest.json'), 'utf8')) as {
        config: { digest: string };
      };
      assert.equal(loaded.config.digest, images[0]?.image.config.digest);
    });

    it('what it archives as docker save does is taken, with links', async () => {
      const { registry } = bench().node;
      const image = makeImage({ format: 'docker', layers: 3 });
      await writeDir(at('docker'), image);
      await copy(`dir:${at('docker')}`, `docker-archive:${at('docker.tar')}:example.com/x/y:v1`);
      const { stdout } = await runTool('tar', ['-tvf', at('docker.tar')]);
      assert.match(stdout, /^l.* -> /m);
      const report = await importInto(registry, await readFile(at('docker.tar')));
      assert.deepEqual(report.images[0]?.tags, ['v1']);
      const { bytes } = await registry.manifests.get(NAME, parseReference('v1'));
      const { config } = JSON.parse(bytes.toString()) as { config: { digest: string } };
      assert.equal(config.digest, image.config.digest);
      await writeFile(at('docker-back.tar'), await exported(registry, 'v1'));
      await copy(`docker-archive:${at('docker-back.tar')}`, `dir:${at('docker-back')}`);
      // It finds a manifest of Docker's type there only where it is told no tag.
      await copy(`oci-archive:${at('docker-back.tar')}`, `dir:${at('docker-oci')}`);
      assert.ok((await readFile(at('docker-oci', 'manifest.json'))).equals(bytes));
    });
  });
});

describe('archive: docker', function () {
  this.timeout(120_000);
  let daemon: DockerDaemon;
  before(async function () {
    requireRoot(this);
    requireTool(this, 'docker');
    daemon = await startDockerDaemon(requireTool(this, 'dockerd'));
  });
  after(() => (daemon as DockerDaemon | undefined)?.stop());

  async function build(name: string, from: string, files: number): Promise<string> {
    const context = join(daemon.directory, randomBytes(4).toString('hex'));
    await mkdir(context);
    const steps = [`FROM ${from}`];
    if (from === 'scratch') {
      await writeFile(join(context, 'root.tar'), tarOf('base', randomBytes(100_000)));
      steps.push('ADD root.tar /');
    }
    for (let file = 0; file < files; file++) {
      await writeFile(join(context, `file-${file}`), randomBytes(50_000));
      steps.push(`COPY file-${file} /layer/`);
    }
    await writeFile(join(context, 'Dockerfile'), steps.join('\n'));
    await daemon.docker(['build', '-q', '-t', name, context]);
    return daemon.imageId(name);
  }

  onStore('filesystem', (bench) => {
    it('save, import, export and load keep images and their ids, layers that they share too', async () => {
      const { registry, driver } = bench().node;
      const ids = { one: await build('team/app:one', 'scratch', 2), two: '' };
      ids.two = await build('team/app:two', 'team/app:one', 1);
      const saved = join(daemon.directory, 'saved.tar');
      await daemon.docker(['save', '-o', saved, 'team/app:one', 'team/app:two']);
      const bytes = await readFile(saved);
      const report = await importInto(registry, bytes);
      assert.deepEqual(report.images.flatMap(({ tags }) => tags).sort(), ['one', 'two']);
      const before = await everything(driver);
      assert.equal((await importInto(registry, bytes, {}, { maxManifestBytes: 20_000 })).blobs.added, 0);
      assert.deepEqual(await everything(driver), before);
      const { stdout } = await runTool('tar', ['-tvf', saved]);
      console.log(`      engine ${daemon.version}, ${stdout.match(/^l/gm)?.length ?? 0} links`);

      const back = join(daemon.directory, 'back.tar');
      await writeFile(back, await exported(registry, 'one', 'two'));
      await daemon.docker(['rmi', 'team/app:one', 'team/app:two']);
      assert.notEqual((await daemon.tryDocker(['image', 'inspect', ids.one])).code, 0);
      await daemon.docker(['load', '-i', back]);
      assert.equal(await daemon.imageId('team/app:one'), ids.one);
      assert.equal(await daemon.imageId('team/app:two'), ids.two);
    });

    it('loads images whose layers are compressed', async () => {
      const { registry } = bench().node;
      const image = makeImage({ format: 'oci', layers: 3 });
      const layout = join(daemon.directory, 'layout');
      await writeLayout(layout, image.manifest, [image.config, ...image.layers], 'gz');
      await runTool('tar', ['-C', layout, '-cf', `${layout}.tar`, '.']);
      await importInto(registry, await readFile(`${layout}.tar`));
      const archive = join(daemon.directory, 'gz.tar');
      await writeFile(archive, await exported(registry, 'gz'));
      const { stdout } = await daemon.docker(['load', '-i', archive]);
      assert.match(stdout, /Loaded image: team\/app:gz/);
      assert.equal(await daemon.imageId('team/app:gz'), image.config.digest);
    });
  });
});
