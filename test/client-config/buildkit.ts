import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, Tail } from '../support/child.js';
import { tryTool, type ToolResult } from '../support/tool.js';
import { HOME } from './engines.js';
import type { HostRoot } from './host-root.js';

export interface BuildkitPrograms {
  readonly buildkitd: string;
  readonly buildctl: string;
}

export interface BuildOptions {
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A buildkitd, with buildctl of a user who has the host's login. */
export interface Buildkit {
  /** Builds `FROM image` anew, with all of the image, into a directory as OCI layout; whatever the exit code. */
  buildFrom(image: string, into: string, how?: BuildOptions): Promise<ToolResult>;
  stop(): Promise<void>;
}

/** Starts buildkitd with the host's buildkitd.toml; nothing but that tells it of registries. */
export async function startBuildkit(
  host: HostRoot,
  { buildkitd, buildctl }: BuildkitPrograms,
): Promise<Buildkit> {
  const address = `unix://${host.at('buildkitd.sock')}`;
  const [command, words] = host.seeing('/etc/buildkit', buildkitd, [
    ...['--root', host.at('buildkit-root'), '--addr', address, '--containerd-worker=false'],
    ...['--oci-worker-snapshotter', 'native', '--oci-worker-net', 'host', '--oci-worker-gc=false'],
  ]);
  const tail = new Tail();
  const child = await startChild(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  const env = { DOCKER_CONFIG: host.at(HOME, '.docker'), HOME: host.at(HOME) };
  const [entering = '', ...rest] = [...host.network.through, buildctl, '--addr', address];
  const ask = (args: readonly string[], others = {}): Promise<ToolResult> =>
    tryTool(entering, [...rest, ...args], { env: { ...env, ...others } });
  for (let tries = 0; (await ask(['debug', 'workers'])).code !== 0; tries++) {
    if (!child.running() || tries > 100) {
      await child.stop(10_000);
      throw new Error(`buildkitd did not get ready: ${tail.oneLine(3)}`);
    }
    await delay(200);
  }
  const context = host.at('context');
  await mkdir(context, { recursive: true });
  return {
    async buildFrom(image, into, { options = [], env: others = {} } = {}) {
      await writeFile(join(context, 'Dockerfile'), `FROM ${image}\n`);
      await ask(['prune', '--all']);
      const build = [
        ...['build', '--frontend', 'dockerfile.v0', '--no-cache', '--progress', 'plain'],
        ...['--local', `context=${context}`, '--local', `dockerfile=${context}`],
        ...['--output', `type=oci,tar=false,dest=${into}`],
      ];
      return ask([...build, ...options], others);
    },
    async stop() {
      await child.stop(10_000);
    },
  };
}
