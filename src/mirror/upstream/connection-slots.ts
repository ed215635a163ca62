/** How many connections may be in use at once; the others wait in line. */
export class ConnectionSlots {
  private free: number;
  private readonly line = new Set<() => void>();

  constructor(readonly size: number) {
    this.free = size;
  }

  /**
   * Gives back a slot by the returned function, which may be called again without effect; undefined where none was
   * free for `patience` milliseconds. @throws the signal's reason
   */
  async take(patience: number, signal?: AbortSignal): Promise<(() => void) | undefined> {
    signal?.throwIfAborted();
    if (this.free > 0) this.free -= 1;
    else if (!(await this.turn(patience, signal))) return undefined;
    let held = true;
    return () => {
      if (held) this.release();
      held = false;
    };
  }

  private async turn(patience: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        this.line.delete(called);
      };
      const called = (): void => {
        leave();
        resolve(true);
      };
      const aborted = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        leave();
        resolve(false);
      }, patience);
      signal?.addEventListener('abort', aborted, { once: true });
      this.line.add(called);
    });
  }

  private release(): void {
    const [next] = this.line;
    if (next === undefined) this.free += 1;
    else next();
  }
}
