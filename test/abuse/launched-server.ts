import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startChild, type Exit, type OwnedChild } from '../support/child.js';
import { compiledRoot } from '../support/project.js';
import { cleanEnvironment } from '../support/server-process.js';
import type { TemporaryDirectory } from '../support/temporary.js';
import { until } from './deadline.js';
import type { Endpoint } from './wire.js';

type Environment = Readonly<Record<string, string>>;
type LogLine = Readonly<Record<string, unknown>>;

/** A server process whose start and end are themselves what is tested. */
export class LaunchedServer {
  readonly log: LogLine[] = [];
  stderr = '';

  private constructor(readonly child: OwnedChild) {
    const { stdout, stderr } = child.process;
    assert.ok(stdout !== null && stderr !== null);
    createInterface({ input: stdout }).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
    stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  /** Starts it on the `data` directory of `home`, which is its working directory, without waiting for anything. */
  static async launch(home: TemporaryDirectory, env: Environment = {}): Promise<LaunchedServer> {
    const child = await startChild(process.execPath, [join(compiledRoot, 'src/main.js')], {
      cwd: home.path,
      env: {
        ...cleanEnvironment(),
        HOST: '127.0.0.1',
        PORT: '0',
        STACKYARD_AUTH_MODE: 'none',
        STACKYARD_STORAGE_FILESYSTEM_ROOT: join(home.path, 'data'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new LaunchedServer(child);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Where it listens, once it does. */
  async listening(): Promise<Endpoint> {
    const line = await this.logged('listening');
    return { host: String(line['address']), port: Number(line['port']) };
  }

  async logged(message: string): Promise<LogLine> {
    return until(`the log says "${message}"`, () => {
      if (!this.child.running()) throw new Error(`the server ended: ${this.stderr}`);
      return this.log.find((line) => line['msg'] === message);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.process.kill(signal);
  }

  /** How it ended, by itself or by what was sent before; it is killed if it does not. */
  async ended(ms = 20_000): Promise<Exit> {
    const timer = setTimeout(() => this.signal('SIGKILL'), ms);
    try {
      return await this.child.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** For the end of a test, however it went. */
  async dispose(): Promise<void> {
    if (this.child.running()) await this.child.stop(10_000);
  }
}
