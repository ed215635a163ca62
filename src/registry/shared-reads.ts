/**
 * Lets requests that ask for the same thing at the same time share one read, but only a read that began after
 * each of them arrived: whoever comes while a read is running waits for the next one, and all who wait share it.
 */
export class SharedReads<T> {
  private readonly running = new Map<string, { current: Promise<T>; following?: Promise<T> }>();

  get(key: string, read: () => Promise<T>): Promise<T> {
    const entry = this.running.get(key);
    if (entry === undefined) return this.start(key, read);
    entry.following ??= entry.current.then(
      () => this.start(key, read),
      () => this.start(key, read),
    );
    return entry.following;
  }

  private start(key: string, read: () => Promise<T>): Promise<T> {
    const current = read();
    const entry = { current };
    this.running.set(key, entry);
    const done = (): void => {
      if (this.running.get(key) === entry) this.running.delete(key);
    };
    current.then(done, done);
    return current;
  }
}
