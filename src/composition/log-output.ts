import { write, writeSync } from 'node:fs';

/** What a pipe takes atomically, so that the workers of one server do not mix their lines. */
const BATCH_BYTES = 4096;
const FLUSH_EVERY_MS = 250;
const RETRY_AFTER_MS = 20;
/** At the end of the process a full pipe is tried this often before its lines are given up. */
const LAST_TRIES = 50;

export interface LogOutputOptions {
  readonly fd: number;
  /** What a reader that does not read may cost in memory; further lines are lost and counted. */
  readonly backlogBytes: number;
  /** Told how many lines were lost, once writing works again. */
  readonly onLost: (lines: number) => void;
}

/**
 * Writes lines in batches in the background, at least every 250 ms and at the end of the process. Never throws and
 * never waits for its reader: what cannot be written is lost and counted.
 */
export class LogOutput {
  readonly #options: LogOutputOptions;
  readonly #atExit = (): void => this.#writeRest();
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing = false;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushed: (() => void)[] = [];

  constructor(options: LogOutputOptions) {
    this.#options = options;
  }

  /** One line with its line end. */
  write(line: string): void {
    if (this.#pendingBytes + line.length > this.#options.backlogBytes) {
      this.#lost += 1;
      return;
    }
    if (this.#pending.length === 0 && !this.#writing) process.once('exit', this.#atExit);
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    this.#schedule();
  }

  /** Resolves once all lines so far are written or lost. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed.push(resolve);
      this.#writeBatch();
    });
  }

  #schedule(): void {
    if (this.#pendingBytes >= BATCH_BYTES || this.#flushed.length > 0) this.#writeBatch();
    else if (this.#pending.length === 0) this.#idle();
    else this.#timer ??= setTimeout(() => this.#writeBatch(), FLUSH_EVERY_MS).unref();
  }

  #writeBatch(): void {
    if (this.#writing) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#takeBatch();
    if (batch.length === 0) return this.#idle();
    this.#writing = true;
    this.#send(Buffer.from(batch.join('')), batch.length);
  }

  #takeBatch(): string[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#pending) {
      if (count > 0 && bytes + line.length > BATCH_BYTES) break;
      bytes += line.length;
      count += 1;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, count);
  }

  #send(bytes: Buffer, lines: number): void {
    write(this.#options.fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#send(bytes, lines), RETRY_AFTER_MS);
      else if (error === null && written < bytes.length) this.#send(bytes.subarray(written), lines);
      else this.#sent(error === null ? 0 : lines);
    });
  }

  #sent(lost: number): void {
    this.#writing = false;
    this.#lost += lost;
    if (lost === 0 && this.#lost > 0) this.#tellLost();
    this.#schedule();
  }

  #tellLost(): void {
    const lines = this.#lost;
    this.#lost = 0;
    this.#options.onLost(lines);
  }

  #idle(): void {
    process.removeListener('exit', this.#atExit);
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  #writeRest(): void {
    let rest = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    for (let tries = 0; rest.length > 0 && tries < LAST_TRIES;) {
      try {
        rest = rest.subarray(writeSync(this.#options.fd, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        tries += 1;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_AFTER_MS);
      }
    }
  }
}
