import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, Tail } from './child.js';
import { temporaryDirectory } from './temporary.js';
import { tryTool, type ToolResult } from './tool.js';

export interface Containerd {
  readonly directory: string;
  /** Runs `ctr` against it, whatever the exit code. */
  readonly ctr: (...args: readonly string[]) => Promise<ToolResult>;
  readonly stop: () => Promise<void>;
}

const NAMESPACE = 'mirrored';

/** A containerd of our own, beside any other: own root, state and socket, without what runs containers. */
export async function startContainerd(program: string): Promise<Containerd> {
  const home = await temporaryDirectory('cd');
  const address = join(home.path, 's');
  const config = [
    'version = 2',
    `root = "${join(home.path, 'root')}"`,
    `state = "${join(home.path, 'state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `  address = "${address}"`,
  ];
  await writeFile(join(home.path, 'config.toml'), `${config.join('\n')}\n`);
  const tail = new Tail();
  const child = await startChild(program, ['--config', join(home.path, 'config.toml')], {
    cwd: home.path,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  const ctr = (...args: readonly string[]): Promise<ToolResult> =>
    tryTool('ctr', ['--address', address, '--namespace', NAMESPACE, ...args], { env: { TMPDIR: home.path } });
  const stop = async (): Promise<void> => {
    await child.stop(10_000);
    await home.remove();
  };
  const deadline = performance.now() + 30_000;
  while ((await ctr('version')).code !== 0) {
    if (child.running() && performance.now() < deadline) {
      await delay(100);
      continue;
    }
    await stop();
    throw new Error(`containerd did not get ready: ${tail.oneLine(3)}`);
  }
  return { directory: home.path, ctr, stop };
}

/** Writes `hosts.toml` for a registry's name, as containerd's documents say: everything from the mirror alone. */
export async function writeHosts(directory: string, registry: string, mirror: string): Promise<void> {
  const path = join(directory, registry, 'hosts.toml');
  await mkdir(dirname(path), { recursive: true });
  const lines = [`server = "${mirror}"`, '', `[host."${mirror}"]`, '  capabilities = ["pull", "resolve"]'];
  await writeFile(path, `${lines.join('\n')}\n`);
}
