const NOTHING = Buffer.alloc(0);

/** Takes the bytes of a stream in the amounts that its reader asks for. */
export class ByteReader {
  private pending: Buffer = NOTHING;
  private readonly source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** At least one byte and at most `limit`, as they came; undefined at the end. */
  async some(limit: number): Promise<Buffer | undefined> {
    while (this.pending.byteLength === 0) {
      const step = await this.source.next();
      if (step.done === true) return undefined;
      this.pending = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    }
    const taken = this.pending.subarray(0, limit);
    this.pending = this.pending.subarray(taken.byteLength);
    return taken;
  }

  /** Exactly `count` bytes, in memory; fewer at the end alone. */
  async exactly(count: number): Promise<Buffer> {
    if (this.pending.byteLength >= count) return (await this.some(count)) ?? NOTHING;
    const chunks: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const chunk = await this.some(missing);
      if (chunk === undefined) break;
      chunks.push(chunk);
      missing -= chunk.byteLength;
    }
    return Buffer.concat(chunks);
  }

  /** Everything that was not taken yet. */
  async *rest(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const chunk = await this.some(Number.POSITIVE_INFINITY);
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  /** Lets the stream know that nothing more is wanted of it. */
  async close(): Promise<void> {
    await this.source.return?.();
  }
}
