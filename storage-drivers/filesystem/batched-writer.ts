import { writeAll } from './disk.js';

const BATCH_BYTES = 512 * 1024;
const BATCH_CHUNKS = 256;

/**
 * Appends chunks to a descriptor in large writes, one of them under way while the next batch is gathered: about
 * 1 MiB is held. Its errors are the operating system's.
 */
export class BatchedWriter {
  /** Bytes taken so far. */
  bytes = 0;
  private batch: Uint8Array[] = [];
  private batchBytes = 0;
  private position: number;
  private flight: Promise<void> = Promise.resolve();
  private failure: unknown;

  constructor(
    private readonly fd: number,
    position = 0,
  ) {
    this.position = position;
  }

  /** Takes a chunk; a promise is to be awaited before the next one. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    this.bytes += chunk.length;
    this.batch.push(chunk);
    this.batchBytes += chunk.length;
    if (this.batchBytes < BATCH_BYTES && this.batch.length < BATCH_CHUNKS) return undefined;
    return this.flush();
  }

  /** Everything taken has been handed to the operating system, not yet to the disk. */
  async finish(): Promise<void> {
    await this.flush();
    await this.landed();
  }

  /** Waits for the write under way, whatever becomes of it: only then may the descriptor be closed. */
  async settle(): Promise<void> {
    await this.flight;
  }

  private async flush(): Promise<void> {
    await this.landed();
    const { batch, batchBytes, position } = this;
    this.batch = [];
    this.batchBytes = 0;
    this.position += batchBytes;
    this.flight = writeAll(this.fd, batch, position).catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  private async landed(): Promise<void> {
    await this.flight;
    if (this.failure !== undefined) throw this.failure as Error;
  }
}
