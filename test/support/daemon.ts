import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { startChild, Tail } from './child.js';
import { makeDockerConfig } from './docker-config.js';
import { findTool, isExecutable } from './requirement.js';
import { temporaryDirectory } from './temporary.js';
import { runTool, tryTool, type ToolOptions, type ToolResult } from './tool.js';

export interface DockerDaemon {
  readonly version: string;
  readonly directory: string;
  /** Runs the client against this daemon; expects exit code 0. */
  docker(args: readonly string[], options?: ToolOptions): Promise<ToolResult>;
  /** The same, whatever the exit code. */
  tryDocker(args: readonly string[], options?: ToolOptions): Promise<ToolResult>;
  /** `docker login`. */
  login(
    authority: string,
    login: { readonly username: string; readonly password: string },
  ): Promise<ToolResult>;
  /** Imports a tar stream as an image of one layer; returns its id. */
  importImage(tar: Readable, name: string): Promise<string>;
  imageId(name: string): Promise<string>;
  /** Ends the daemon by its id, undoes its mounts and removes its directory. */
  stop(): Promise<void>;
}

/**
 * A dockerd of our own, beside any other: own data, socket and containerd, no network rules. `config` is what stands in
 * its daemon.json.
 */
export async function startDockerDaemon(
  program: string,
  config: Readonly<Record<string, unknown>> = {},
): Promise<DockerDaemon> {
  const home = await temporaryDirectory('d');
  const directory = home.path;
  const socket = `unix://${join(directory, 's')}`;
  const tail = new Tail();
  await makeDockerConfig(join(directory, 'client'));
  await writeFile(join(directory, 'daemon.json'), JSON.stringify(config));
  const child = await startChild(
    program,
    [
      ...['--config-file', join(directory, 'daemon.json')],
      ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
      ...['--pidfile', join(directory, 'pid'), '-H', socket],
      ...['--iptables=false', '--ip6tables=false', '--bridge=none'],
    ],
    { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const file = createWriteStream(join(directory, 'log'));
  child.process.stderr?.pipe(file);
  child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));

  // Debian's client belongs to Debian's daemon; another one may stand earlier in the PATH.
  const client = isExecutable('/usr/bin/docker') ? '/usr/bin/docker' : (findTool('docker') ?? 'docker');
  const env = {
    DOCKER_HOST: socket,
    DOCKER_CONFIG: join(directory, 'client'),
    DOCKER_BUILDKIT: '0',
    DOCKER_CONTENT_TRUST: '0',
    TMPDIR: directory,
  };
  const docker = (args: readonly string[], options: ToolOptions = {}) =>
    runTool(client, args, { ...options, env: { ...env, ...options.env } });
  const tryDocker = (args: readonly string[], options: ToolOptions = {}) =>
    tryTool(client, args, { ...options, env: { ...env, ...options.env } });

  const stop = async () => {
    const exit = await child.stop(30_000);
    await unmountBelow(directory);
    await home.remove();
    if (exit.forced) throw new Error(`dockerd did not end within 30 s of SIGTERM: ${tail.oneLine(3)}`);
  };

  const version = await waitUntilReady().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  async function waitUntilReady(): Promise<string> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const answer = await tryDocker(['version', '--format', '{{.Server.Version}}']);
      if (answer.code === 0) return answer.stdout.trim();
      if (!child.running()) throw new Error(`dockerd ended before it was ready: ${tail.oneLine(3)}`);
      if (performance.now() > deadline)
        throw new Error(`dockerd was not ready within 60 s: ${tail.oneLine(3)}`);
      await delay(200);
    }
  }

  return {
    version,
    directory,
    docker,
    tryDocker,
    login: (authority, { username, password }) =>
      docker(['login', '--username', username, '--password-stdin', authority], {
        input: Readable.from([password]),
      }),
    async importImage(tar, name) {
      const { stdout } = await docker(['import', '-', name], { input: tar, timeoutMs: 300_000 });
      return stdout.trim();
    },
    async imageId(name) {
      const { stdout } = await docker(['image', 'inspect', '--format', '{{.Id}}', name]);
      return stdout.trim();
    },
    stop,
  };
}

/** Undoes what a daemon left mounted below its directory, the deepest first. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1])
    .filter((path): path is string => path?.startsWith(`${directory}/`) ?? false)
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) await runTool('umount', ['-l', path]);
}
