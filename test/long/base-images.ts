import { cp, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import type { DockerDaemon } from '../support/daemon.js';
import { runTool } from '../support/tool.js';

const DEBIAN = 'debian:bookworm-slim';
const NODE = 'node:20-bookworm-slim';
const DEBOOTSTRAP_MS = 600_000;

/**
 * Gives a daemon the two images that our Dockerfiles begin with, without a registry: a Debian that debootstrap makes,
 * and this machine's node and npm in it, where the official image has them.
 */
export async function makeBaseImages(daemon: DockerDaemon, debootstrap: string): Promise<void> {
  const root = join(daemon.directory, 'debian');
  await runTool(debootstrap, ['--variant=minbase', 'bookworm', root], { timeoutMs: DEBOOTSTRAP_MS });
  const tar = spawn('tar', ['-C', root, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await daemon.importImage(tar.stdout, DEBIAN);

  const context = join(daemon.directory, 'node');
  await mkdir(join(context, 'bin'), { recursive: true });
  await cp(process.execPath, join(context, 'bin', 'node'));
  const { stdout: npm } = await runTool('npm', ['root', '--global']);
  await cp(join(npm.trim(), 'npm'), join(context, 'lib', 'node_modules', 'npm'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const steps = [
    `FROM ${DEBIAN}`,
    'COPY . /usr/local/',
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
  ];
  // Where this machine trusts further authorities, npm needs them in the build as well.
  const authorities = process.env['NODE_EXTRA_CA_CERTS'];
  if (authorities !== undefined) {
    await cp(await realpath(authorities), join(context, 'share', 'authorities.pem'));
    steps.push('ENV NODE_EXTRA_CA_CERTS=/usr/local/share/authorities.pem');
  }
  const file = join(dirname(context), 'node.Dockerfile');
  await writeFile(file, steps.join('\n'));
  await daemon.docker(['build', '-q', '-t', NODE, '-f', file, context], { timeoutMs: 300_000 });
}
