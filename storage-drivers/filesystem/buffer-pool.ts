/** Memory that is used again: allocating a fresh piece a read costs a quarter of the CPU of sending a file. */
export class BufferPool {
  private readonly free: Buffer[] = [];

  constructor(
    readonly bufferBytes: number,
    /** The most buffers that are kept while nobody uses them. */
    private readonly kept: number,
  ) {}

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.bufferBytes);
  }

  /** Only for a buffer that nobody reads or writes any more. */
  give(buffer: Buffer): void {
    if (this.free.length < this.kept) this.free.push(buffer);
  }
}
