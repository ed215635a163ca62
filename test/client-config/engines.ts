import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, Tail } from '../support/child.js';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import type { ToolResult } from '../support/tool.js';
import type { HostRoot } from './host-root.js';

export const HOME = '/home/ci';

/** A real engine that knows of registries only what `client-config` wrote. */
export interface Engine {
  readonly name: string;
  /** Whatever its exit code. */
  pull(image: string): Promise<ToolResult>;
  remove(image: string): Promise<ToolResult>;
  stop(): Promise<void>;
}

export interface PushingEngine extends Engine {
  push(image: string): Promise<ToolResult>;
  tag(image: string, other: string): Promise<ToolResult>;
}

export async function startDocker(
  host: HostRoot,
  program: string,
): Promise<PushingEngine & { readonly daemon: DockerDaemon }> {
  const wrapper = await host.wrapper('/etc/docker', program);
  const config = JSON.parse(await readFile(host.at('/etc/docker/daemon.json'), 'utf8')) as object;
  const daemon = await startDockerDaemon(wrapper, { ...config });
  const env = { DOCKER_CONFIG: host.at(HOME, '.docker') };
  const docker = (...args: readonly string[]): Promise<ToolResult> => daemon.tryDocker(args, { env });
  return {
    name: 'docker',
    daemon,
    pull: (image) => docker('pull', image),
    push: (image) => docker('push', image),
    tag: (image, other) => docker('tag', image, other),
    remove: (image) => docker('rmi', '--force', image),
    stop: () => daemon.stop(),
  };
}

/** With the CRI on. `ctr` reads no file of logins: it is given the one of the file. */
export async function startContainerd(
  host: HostRoot,
  program: string,
  registry: string,
): Promise<Engine & { ctr(...args: readonly string[]): Promise<ToolResult>; readonly log: () => string }> {
  const address = host.at('containerd.sock');
  const [command, words] = host.seeing('/etc/containerd', program, [
    ...['--root', host.at('containerd-root'), '--state', host.at('containerd-state'), '--address', address],
  ]);
  const tail = new Tail();
  const child = await startChild(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  const ctr = (...args: readonly string[]): Promise<ToolResult> =>
    host.run('/etc/containerd', 'ctr', ['--address', address, '--namespace', 'clients', ...args]);
  for (let tries = 0; (await ctr('version')).code !== 0; tries++) {
    if (!child.running() || tries > 150) throw new Error(`containerd did not get ready: ${tail.oneLine(3)}`);
    await delay(200);
  }
  const { auths } = JSON.parse(await readFile(host.at(HOME, '.docker/config.json'), 'utf8')) as {
    auths: Record<string, { auth: string }>;
  };
  const login = Buffer.from(auths[registry]?.auth ?? '', 'base64').toString();
  const hosts = ['--snapshotter', 'native', '--hosts-dir', '/etc/containerd/certs.d'];
  return {
    name: 'containerd',
    ctr,
    log: () => tail.text(),
    pull: (image) =>
      ctr('images', 'pull', ...hosts, ...(image.startsWith(registry) ? ['--user', login] : []), image),
    remove: (image) => ctr('images', 'rm', '--sync', image),
    async stop() {
      await child.stop(10_000);
    },
  };
}

export async function startPodman(host: HostRoot, program: string): Promise<PushingEngine> {
  await mkdir(host.at('/etc/containers'), { recursive: true });
  await copyFile('/etc/containers/policy.json', host.at('/etc/containers/policy.json'));
  const storage = [
    '--root',
    host.at('podman-root'),
    '--runroot',
    host.at('podman-run'),
    '--storage-driver',
    'vfs',
  ];
  const others = ['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
  const env = { HOME: host.at(HOME), XDG_CONFIG_HOME: host.at(HOME, '.config'), TMPDIR: host.path };
  const runtime = { XDG_RUNTIME_DIR: host.at('podman-runtime') };
  const podman = (...args: readonly string[]): Promise<ToolResult> =>
    host.run('/etc/containers', program, [...storage, ...others, ...args], { ...env, ...runtime });
  return {
    name: 'podman',
    pull: (image) => podman('pull', image),
    push: (image) => podman('push', image),
    tag: (image, other) => podman('tag', image, other),
    remove: (image) => podman('rmi', '--force', image),
    stop: () => Promise.resolve(),
  };
}
