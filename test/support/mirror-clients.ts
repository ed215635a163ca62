import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { startContainerd, writeHosts } from './containerd.js';
import { startDockerDaemon, type DockerDaemon } from './daemon.js';
import type { Image } from './image.js';
import type { MirrorServer } from './mirror-bed.js';
import { requireRoot, requireTool } from './requirement.js';
import { ADMIN, clientConfig } from './target.js';
import { temporaryDirectory } from './temporary.js';
import { tryTool, type ToolResult } from './tool.js';

/** A real client, configured as its documents say. Images are called by upstream, `docker.io/library/x:v1`. */
export interface MirrorClient {
  readonly name: string;
  /** The upstreams that it takes by this mirror. */
  readonly upstreams: readonly ('docker.io' | 'quay.io')[];
  /** Whatever its exit code. */
  pull(image: string): Promise<ToolResult>;
  /** What it knows the image by: the digest of its configuration or its manifest. */
  id(image: string): Promise<string>;
  expectedId(image: Image): string;
  remove(image: string): Promise<ToolResult>;
}

export interface MirrorClients {
  readonly all: readonly MirrorClient[];
  readonly daemon: DockerDaemon;
  stop(): Promise<void>;
}

/** Names of those that `startMirrorClients` starts, for tests that are made before. */
export const CLIENTS = [
  'dockerd with registry-mirrors',
  'docker by the name of the mirror',
  'containerd with hosts.toml',
  'podman with registries.conf.d',
] as const;

export async function startMirrorClients(context: Context, mirror: MirrorServer): Promise<MirrorClients> {
  requireRoot(context);
  for (const program of ['docker', 'ctr']) requireTool(context, program);
  const programs = ['dockerd', 'containerd', 'podman'].map((program) => requireTool(context, program));
  const [dockerd = '', containerd = '', podman = ''] = programs;
  const daemon = await startDockerDaemon(dockerd, {
    'registry-mirrors': [mirror.rootUrl],
    'insecure-registries': [],
    'max-download-attempts': 1,
  });
  await daemon.login(mirror.authority, ADMIN);
  const docker = dockerClients(daemon, mirror);
  const [ctr, stopContainerd] = await containerdClient(containerd, mirror);
  const [pod, stopPodman] = await podmanClient(podman, mirror);
  return {
    all: [...docker, ctr, pod],
    daemon,
    async stop() {
      await daemon.stop();
      await stopContainerd();
      await stopPodman();
    },
  };
}

function dockerClients(daemon: DockerDaemon, mirror: MirrorServer): readonly MirrorClient[] {
  const client = (
    name: string,
    upstreams: MirrorClient['upstreams'],
    nameOf: (image: string) => string,
  ): MirrorClient => ({
    name,
    upstreams,
    pull: (image) => daemon.tryDocker(['pull', nameOf(image)]),
    id: (image) => daemon.imageId(nameOf(image)),
    expectedId: ({ config }) => config.digest,
    remove: (image) => daemon.tryDocker(['rmi', nameOf(image)]),
  });
  return [
    client(CLIENTS[0], ['docker.io'], (image) => image.replace('docker.io/library/', '')),
    client(CLIENTS[1], ['docker.io', 'quay.io'], (image) => `${mirror.authority}/mirror/${image}`),
  ];
}

async function containerdClient(
  program: string,
  mirror: MirrorServer,
): Promise<[MirrorClient, () => Promise<void>]> {
  const { directory, ctr, stop } = await startContainerd(program);
  const hosts = join(directory, 'certs.d');
  for (const registry of ['docker.io', 'quay.io']) await writeHosts(hosts, registry, mirror.url);
  const login = ['--user', `${ADMIN.username}:${ADMIN.password}`];
  const client: MirrorClient = {
    name: CLIENTS[2],
    upstreams: ['docker.io', 'quay.io'],
    pull: (image) =>
      ctr(
        ...['images', 'pull', '--snapshotter', 'native', '--hosts-dir', hosts],
        ...(image.startsWith('docker.io/') ? [] : login),
        image,
      ),
    async id(image) {
      const { stdout } = await ctr('images', 'ls', `name==${image}`);
      return /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? stdout;
    },
    expectedId: ({ manifest }) => manifest.digest,
    remove: (image) => ctr('images', 'rm', '--sync', image),
  };
  return [client, stop];
}

async function podmanClient(
  program: string,
  mirror: MirrorServer,
): Promise<[MirrorClient, () => Promise<void>]> {
  const home = await temporaryDirectory('podman');
  const at = (...names: string[]): string => join(home.path, ...names);
  const drop = at('.config', 'containers', 'registries.conf.d');
  await mkdir(drop, { recursive: true });
  const registries = ['docker.io', 'quay.io'].map((registry) => [
    ...['[[registry]]', `prefix = "${registry}"`, `location = "${registry}"`],
    ...['[[registry.mirror]]', `location = "${mirror.authority}/mirror/${registry}"`, 'insecure = true', ''],
  ]);
  await writeFile(join(drop, '50-stackyard.conf'), registries.flat().join('\n'));
  await writeFile(at('auth.json'), clientConfig({ authority: mirror.authority, login: ADMIN }));
  const podman = (...args: readonly string[]): Promise<ToolResult> =>
    tryTool(
      program,
      [
        ...['--root', at('root'), '--runroot', at('run'), '--storage-driver', 'vfs'],
        ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
        ...args,
      ],
      {
        env: {
          HOME: home.path,
          XDG_CONFIG_HOME: at('.config'),
          TMPDIR: home.path,
          REGISTRY_AUTH_FILE: at('auth.json'),
        },
      },
    );
  const client: MirrorClient = {
    name: CLIENTS[3],
    upstreams: ['docker.io', 'quay.io'],
    pull: (image) => podman('pull', image),
    async id(image) {
      const { stdout } = await podman('image', 'inspect', '--format', '{{.Id}}', image);
      return `sha256:${stdout.trim()}`;
    },
    expectedId: ({ config }) => config.digest,
    remove: (image) => podman('rmi', '--force', image),
  };
  return [client, () => home.remove()];
}
