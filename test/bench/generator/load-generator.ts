import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blockSize } from './content.js';
import type { Content, HeadJob, Job, Load, Reply, Request, RunJob } from './jobs.js';

const jobLimit = 180_000;

/** The bench's end of the load generator process. One job at a time. */
export class LoadGenerator {
  private readonly baseFile: string;
  private child: ChildProcess;
  private lastId = 0;

  constructor(directory: string) {
    this.baseFile = join(directory, 'base-block');
    writeFileSync(this.baseFile, randomBytes(blockSize));
    this.child = this.fork();
  }

  async digests(contents: readonly Content[]): Promise<readonly string[]> {
    const reply = await this.ask({ kind: 'digest', contents });
    if (!('digests' in reply)) throw new Error('the load generator answered something else');
    return reply.digests;
  }

  /** Throws when the generator itself fails or takes longer than three minutes; wrong answers are in the load. */
  async run(job: Omit<RunJob, 'kind'> | Omit<HeadJob, 'kind'>): Promise<Load> {
    const reply = await this.ask('paths' in job ? { kind: 'head', ...job } : { kind: 'run', ...job });
    if (!('load' in reply)) throw new Error('the load generator answered something else');
    return reply.load;
  }

  close(): void {
    if (this.child.connected) this.child.disconnect();
  }

  /** The base block is read from its file, so a new process knows the contents of the one before. */
  private fork(): ChildProcess {
    const program = join(dirname(fileURLToPath(import.meta.url)), 'load-process.js');
    return fork(program, [this.baseFile], { serialization: 'advanced' });
  }

  private async ask(job: Job): Promise<Exclude<Reply, { failure: string }>> {
    const id = ++this.lastId;
    const reply = await new Promise<Reply>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.child.off('message', onMessage).off('exit', onExit);
      };
      const onMessage = (message: Reply): void => {
        if (message.id !== id) return;
        settle();
        resolve(message);
      };
      const onExit = (code: number | null): void => {
        settle();
        reject(new Error(`the load generator ended (${code ?? 'signal'})`));
      };
      const timer = setTimeout(() => {
        settle();
        this.child.kill('SIGKILL');
        this.child = this.fork();
        reject(new Error(`a load took longer than ${jobLimit / 1000} s`));
      }, jobLimit);
      this.child.on('message', onMessage).on('exit', onExit);
      const request: Request = { id, job };
      this.child.send(request, (error) => {
        if (!error) return;
        settle();
        reject(error);
      });
    });
    if ('failure' in reply) throw new Error(`load generator: ${reply.failure}`);
    return reply;
  }
}
