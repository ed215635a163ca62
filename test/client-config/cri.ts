import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, Tail } from '../support/child.js';
import type { ToolResult } from '../support/tool.js';
import type { HostRoot } from './host-root.js';

export interface CriPrograms {
  readonly containerd: string;
  readonly crictl: string;
}

/** A containerd that pulls as the kubelet asks it to. */
export interface Cri {
  /** With the `USER:PASSWORD` of a pull secret, or with none; whatever the exit code. */
  pull(image: string, login?: string): Promise<ToolResult>;
  remove(image: string): Promise<ToolResult>;
  stop(): Promise<void>;
}

/** Starts containerd with the host's config.toml and waits until its CRI answers. */
export async function startCri(host: HostRoot, { containerd, crictl }: CriPrograms): Promise<Cri> {
  const address = join(host.path, 'cri.sock');
  const [command, words] = host.seeing('/etc/containerd', containerd, [
    ...['--root', host.at('cri-root'), '--state', host.at('cri-state'), '--address', address],
  ]);
  const tail = new Tail();
  const child = await startChild(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  const socket = `unix://${address}`;
  const ask = (...args: readonly string[]): Promise<ToolResult> =>
    host.run('/etc/containerd', crictl, [
      ...['--runtime-endpoint', socket, '--image-endpoint', socket, '--timeout', '60s'],
      ...args,
    ]);
  for (let tries = 0; (await ask('version')).code !== 0; tries++) {
    if (!child.running() || tries > 50) {
      await child.stop(10_000);
      throw new Error(`containerd's CRI did not get ready: ${tail.text()}`);
    }
    await delay(200);
  }
  return {
    pull: (image, login) => ask('pull', ...(login === undefined ? [] : ['--creds', login]), image),
    remove: (image) => ask('rmi', image),
    async stop() {
      await child.stop(10_000);
    },
  };
}
