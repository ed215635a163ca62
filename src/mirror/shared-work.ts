/** Work under way by its key: whoever wants the same meanwhile shares it, and its end or failure. */
export class SharedWork<T> {
  private readonly running = new Map<string, Promise<T>>();

  /** `start` is called where nobody's is under way. */
  of(key: string, start: () => Promise<T>): Promise<T> {
    const running = this.running.get(key);
    if (running !== undefined) return running;
    const work = start().finally(() => this.running.delete(key));
    this.running.set(key, work);
    return work;
  }
}
