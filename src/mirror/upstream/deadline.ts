/** What setTimeout takes; longer ones would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The time that all steps of some work have together. `end` must be called. */
export class Deadline {
  private readonly stop = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly leave = (): void => this.stop.abort(this.outer?.reason);

  /** The signal's reason is `late` after these milliseconds, that of `outer` where this aborts before. */
  constructor(
    milliseconds: number,
    late: Error,
    private readonly outer?: AbortSignal,
  ) {
    this.timer = setTimeout(() => this.stop.abort(late), Math.min(milliseconds, LONGEST_TIMER));
    outer?.addEventListener('abort', this.leave, { once: true });
  }

  get signal(): AbortSignal {
    return this.stop.signal;
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.leave);
  }
}
