/** Bounds the memory that files of all archives which are imported at once take together. */
export class MemoryBudget {
  private taken = 0;

  /** Bytes. */
  constructor(private readonly limit: number) {}

  /** Answers whether there was room for so many bytes; if so, they are to be given back. */
  take(bytes: number): boolean {
    if (this.taken + bytes > this.limit) return false;
    this.taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }
}
