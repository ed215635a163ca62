import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compiledRoot } from '../support/project.js';
import type { Network } from '../support/network.js';
import { cleanEnvironment } from '../support/server-process.js';
import { tryTool, type ToolResult } from '../support/tool.js';

/** A directory that stands for a host's `/`: what its engines read is seen there by programs of this machine. */
export class HostRoot {
  constructor(
    readonly path: string,
    readonly network: Network,
  ) {}

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  async write(path: string, content: string): Promise<void> {
    await mkdir(dirname(this.at(path)), { recursive: true });
    await writeFile(this.at(path), content);
  }

  /** `stackyard client-config`, into this host; whatever its exit code. */
  async configure(args: readonly string[], password?: string): Promise<ToolResult> {
    const bin = join(compiledRoot, 'src/cli/stackyard.js');
    return tryTool(process.execPath, [bin, 'client-config', ...args, '--into', this.path], {
      env: { ...cleanEnvironment(), TZ: 'UTC' },
      ...(password !== undefined && { input: `${password}\n` }),
    });
  }

  /**
   * The words that run a program in the host's network which sees a folder of this host in its place, by a mount
   * namespace of its own; the program is the process that is started.
   */
  seeing(folder: string, program: string, args: readonly string[]): readonly [string, readonly string[]] {
    const script = 'mkdir -p "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const mounting = ['unshare', '--mount', 'sh', '-c', script, 'sh', this.at(folder), folder];
    const [command = '', ...words] = [...this.network.through, ...mounting, program, ...args];
    return [command, words];
  }

  run(folder: string, program: string, args: readonly string[], env = {}): Promise<ToolResult> {
    const [command, words] = this.seeing(folder, program, args);
    return tryTool(command, words, { env });
  }

  /** An executable file that does the same, with the arguments that it is given. */
  async wrapper(folder: string, program: string): Promise<string> {
    const [command, words] = this.seeing(folder, program, []);
    const path = this.at(`${program.replaceAll('/', '-')}.sh`);
    const quoted = [command, ...words].map((word) => `'${word}'`).join(' ');
    await writeFile(path, `#!/bin/sh\nexec ${quoted} "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }
}
