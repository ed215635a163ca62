/** A body whose beginning is held, so that it can be sent again. */
export class HeldBody {
  private readonly chunks: Uint8Array[] = [];
  private bytes = 0;
  private ended = false;

  constructor(private readonly source: AsyncIterator<Uint8Array>) {}

  /** Bytes held. */
  get size(): number {
    return this.bytes;
  }

  /** Whether all of it is held. */
  get isWhole(): boolean {
    return this.ended;
  }

  /** Holds at least `bytes`, or all there is. */
  async fill(bytes: number): Promise<void> {
    while (!this.ended && this.bytes < bytes) {
      const step = await this.source.next();
      if (step.done === true) this.ended = true;
      else this.hold(step.value);
    }
  }

  /** In front of what is held. */
  prepend(bytes: Uint8Array): void {
    this.chunks.unshift(bytes);
    this.bytes += bytes.byteLength;
  }

  concat(): Buffer {
    return Buffer.concat(this.chunks, this.bytes);
  }

  /** What is held, then the rest as it comes. */
  async *all(): AsyncGenerator<Uint8Array, void, void> {
    yield* this.chunks.splice(0);
    while (!this.ended) {
      const step = await this.source.next();
      if (step.done === true) this.ended = true;
      else yield step.value;
    }
  }

  private hold(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.bytes += chunk.byteLength;
  }
}
