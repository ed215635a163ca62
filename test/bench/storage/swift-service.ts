import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../support/project.js';
import { parseExports } from '../../support/swift-bed.js';
import { accountOf } from '../process-tree.js';
import type { ServiceSeconds } from './bench-storage.js';

/** The programs that work for a request; the updaters and the expirer go by their own clocks. */
const services = [
  'proxy-server',
  'object-server',
  'container-server',
  'account-server',
  'memcached',
  'keystone',
] as const;

export interface SwiftLoginVariables {
  readonly ST_AUTH: string;
  readonly ST_USER: string;
  readonly ST_KEY: string;
}

/** A running Swift of scripts/swift/up.mjs. */
export class SwiftService {
  private constructor(
    readonly login: SwiftLoginVariables,
    private readonly root: string,
    readonly isOwn: boolean,
  ) {}

  /** That of SWIFT_TEST_ENV; without it one is started in the directory and ends with `close`. */
  static async open(directory: string): Promise<SwiftService> {
    const given = process.env['SWIFT_TEST_ENV'];
    const root = join(directory, 'swift');
    if (given === undefined) await script('up.mjs', '--root', root);
    const file = given ?? join(root, 'env');
    const values = parseExports(await readFile(file, 'utf8'));
    const variable = (name: string): string => {
      const value = values.get(name);
      if (value === undefined)
        throw new Error(`${file} has no ${name}: is it a file of scripts/swift/up.mjs?`);
      return value;
    };
    const login = {
      ST_AUTH: variable('ST_AUTH'),
      ST_USER: variable('ST_USER'),
      ST_KEY: variable('ST_KEY'),
    };
    return new SwiftService(login, variable('SWIFT_ROOT'), given === undefined);
  }

  async cpuSeconds(): Promise<ServiceSeconds> {
    const seconds: Record<string, number> = {};
    for (const service of services) {
      const pid = await this.pid(service);
      if (pid !== undefined) seconds[service] = (await accountOf(pid)).cpuSeconds;
    }
    return seconds;
  }

  async close(): Promise<void> {
    if (this.isOwn) await script('down.mjs', '--root', this.root, '--wipe');
  }

  private async pid(service: string): Promise<number | undefined> {
    try {
      return Number((await readFile(join(this.root, 'run', `${service}.pid`), 'utf8')).split(' ')[0]);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

async function script(name: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(projectRoot, 'scripts/swift', name), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`scripts/swift/${name} failed: ${words.trim()}`);
}
