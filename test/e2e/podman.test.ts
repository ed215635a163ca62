import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireRoot, requireTool } from '../support/requirement.js';
import { clientConfig, startTarget, type RegistryTarget } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';

for (const program of ['podman', 'buildah'] as const) {
  describe(program, function () {
    this.timeout(180_000);
    let target: RegistryTarget;
    let home: TemporaryDirectory;

    before(async function () {
      requireRoot(this);
      requireTool(this, program);
      home = await temporaryDirectory(program);
      target = await startTarget(this);
      await writeFile(join(home.path, 'auth.json'), clientConfig(target));
    });

    after(async () => {
      await (target as RegistryTarget | undefined)?.stop();
      await (home as TemporaryDirectory | undefined)?.remove();
    });

    // Its own storage, without mounts and apart from the machine's.
    const global = () => [
      ...['--root', join(home.path, 'root'), '--runroot', join(home.path, 'run'), '--storage-driver', 'vfs'],
      ...(program === 'podman' ? ['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'] : []),
    ];
    const env = () => ({
      TMPDIR: home.path,
      REGISTRY_AUTH_FILE: join(home.path, 'auth.json'),
      BUILDAH_ISOLATION: 'chroot',
    });
    const run = async (...args: string[]) =>
      (await runTool(program, [...global(), ...args], { env: env() })).stdout.trim();
    const tryRun = (...args: string[]) => tryTool(program, [...global(), ...args], { env: env() });
    const idOf = (image: string) =>
      program === 'podman'
        ? run('image', 'inspect', '--format', '{{.Id}}', image)
        : run('inspect', '--type', 'image', '--format', '{{.FromImageID}}', image);

    /** An image of random files: by `podman import`, or by buildah from scratch in two layers. */
    async function make(image: string): Promise<void> {
      const tree = join(home.path, randomBytes(4).toString('hex'));
      await mkdir(tree);
      await writeFile(join(tree, 'file'), randomBytes(400_000));
      if (program === 'podman') {
        await runTool('tar', ['-C', tree, '-cf', `${tree}.tar`, '.']);
        await run('import', `${tree}.tar`, image);
        return;
      }
      for (const [base, name] of [
        ['scratch', `${image}-base`],
        [`${image}-base`, image],
      ] as const) {
        const container = await run('from', '--pull-never', base);
        await run('copy', container, tree, `/${randomBytes(2).toString('hex')}`);
        await run('commit', container, name);
        await run('rm', container);
      }
    }

    for (const format of ['oci', 'v2s2'] as const) {
      it(`pushes and pulls an image as ${format} with the same image id`, async () => {
        const image = `${target.authority}/${program}/${format}:v1`;
        await make(image);
        await run('push', '--tls-verify=false', '--format', format, image);
        await run('rmi', '--all', '--force');
        // The image id is the configuration's digest, which the format of the push decides.
        await run('pull', '--tls-verify=false', image);
        const id = await idOf(image);
        assert.match(id, /^[0-9a-f]{64}$/);
        await run('push', '--tls-verify=false', '--format', format, image, `docker://${image}-again`);
        await run('rmi', '--all', '--force');
        await run('pull', '--tls-verify=false', `${image}-again`);
        assert.equal(await idOf(`${image}-again`), id);
      });
    }

    it('pulls by the digest that the push reported', async () => {
      const image = `${target.authority}/${program}/digest:v1`;
      const file = join(home.path, 'digest');
      await make(image);
      await run('push', '--tls-verify=false', '--digestfile', file, image);
      const { stdout: digest } = await runTool('cat', [file]);
      await run('rmi', '--all', '--force');
      await run('pull', '--tls-verify=false', `${target.authority}/${program}/digest@${digest.trim()}`);
    });

    it('fails cleanly to pull what is not there', async () => {
      const answer = await tryRun('pull', '--tls-verify=false', `${target.authority}/${program}/missing:v1`);
      assert.notEqual(answer.code, 0);
      assert.match(answer.stderr, /manifest unknown|name unknown/);
    });
  });
}
