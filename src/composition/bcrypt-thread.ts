import { Worker } from 'node:worker_threads';
import type { PasswordHasher } from '../ports/password-hasher.js';
import type { BcryptResult, BcryptTask } from './bcrypt-worker.js';

interface Waiting {
  readonly resolve: (result: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/** bcrypt on a thread of its own, started with the first password; it never keeps the process up. */
export class BcryptThread implements PasswordHasher {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  async hash(password: string): Promise<string> {
    return String(await this.run({ password }));
  }

  async matches(password: string, hash: string): Promise<boolean> {
    return (await this.run({ password, hash })) === true;
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private run(task: Omit<BcryptTask, 'id'>): Promise<string | boolean> {
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      const worker = (this.worker ??= this.start());
      worker.ref();
      worker.postMessage({ ...task, id } satisfies BcryptTask);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./bcrypt-worker.js', import.meta.url));
    worker.on('message', ({ id, result }: BcryptResult) => {
      this.waiting.get(id)?.resolve(result);
      this.waiting.delete(id);
      if (this.waiting.size === 0) worker.unref();
    });
    worker.once('error', (error: Error) => this.fail(worker, error));
    worker.once('exit', () => this.fail(worker, new Error('the thread that hashes passwords ended')));
    return worker;
  }

  private fail(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
