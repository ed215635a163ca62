import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from './generator/jobs.js';
import { accountOf, resetPeak, type Account } from './process-tree.js';
import type { Subject, SubjectName, Target } from './subject.js';

/** How a server is started. Without `port` it is read from the log's "listening" line. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly port?: number;
}

/** What becomes of the data that a measurement leaves behind. */
type Discard = (dataDirectory: string, repository: string, digests: readonly string[]) => Promise<void>;

export interface ServerOptions {
  /** For its data and its logs. */
  readonly directory: string;
  launch(dataDirectory: string): Promise<Launch>;
  readonly discard?: Discard;
  /** What it mirrors. */
  readonly source?: Subject;
}

const startLimit = 20_000;
const stopLimit = 10_000;

/** A server under test: one process tree with a directory of its own. */
export class ServerProcess implements Subject {
  private child: ChildProcess | undefined;
  private listening: number | undefined;
  private starts = 0;

  constructor(
    readonly name: SubjectName,
    private readonly options: ServerOptions,
  ) {}

  get target(): Target {
    if (this.listening === undefined) throw new Error(`${this.name} is not running`);
    return { host: '127.0.0.1', port: this.listening };
  }

  get origin(): string {
    return `http://${this.target.host}:${this.target.port}`;
  }

  get source(): Subject | undefined {
    return this.options.source;
  }

  /** Resolves when /v2/ answers 200; throws with the end of the log when it does not. */
  async start(): Promise<void> {
    await mkdir(this.dataDirectory, { recursive: true });
    const launch = await this.options.launch(this.dataDirectory);
    const logFile = join(this.options.directory, `server-${++this.starts}.log`);
    const log = await open(logFile, 'w');
    try {
      this.child = spawn(launch.command, [...launch.args], {
        env: launch.environment,
        stdio: ['ignore', log.fd, log.fd],
      });
      await once(this.child, 'spawn');
    } finally {
      await log.close();
    }
    const deadline = performance.now() + startLimit;
    while (!(await this.serves(launch, logFile))) {
      if (this.child.exitCode !== null || performance.now() > deadline) {
        await this.stop();
        const end = (await readFile(logFile, 'utf8')).slice(-2000);
        throw new Error(`${this.name} does not serve: ${launch.command} ${launch.args.join(' ')}\n${end}`);
      }
      await sleep(50);
    }
  }

  /** SIGTERM, then SIGKILL; returns when the process is gone. */
  async stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    this.listening = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit);
    await ended;
    clearTimeout(timer);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  asked(operations: readonly Operation[]): readonly Operation[] {
    return operations;
  }

  async account(): Promise<Account> {
    return await accountOf(this.runningPid());
  }

  async resetPeak(): Promise<void> {
    await resetPeak(this.runningPid());
  }

  async discard(repository: string, digests: readonly string[]): Promise<void> {
    await this.options.discard?.(this.dataDirectory, repository, digests);
  }

  private get dataDirectory(): string {
    return join(this.options.directory, 'data');
  }

  private runningPid(): number {
    const child = this.child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${this.name} has ended (exit ${child?.exitCode ?? child?.signalCode ?? 'unknown'})`);
    }
    return child.pid;
  }

  private async serves(launch: Launch, logFile: string): Promise<boolean> {
    const port = launch.port ?? announcedPort(await readFile(logFile, 'utf8'));
    if (port === undefined) return false;
    this.listening = port;
    try {
      const answer = await fetch(`${this.origin}/v2/`);
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch (error) {
      if (error instanceof TypeError) return false; // fetch's only way to say "nobody listens yet"
      throw error;
    }
  }
}

/** The port in the first `"msg":"listening"` line of a log of JSON lines. */
function announcedPort(log: string): number | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"msg":"listening"')) continue;
    const port = /"port":(\d+)/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  return undefined;
}
