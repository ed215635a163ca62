/** A request that is handled, waits for it, or was refused. */
export interface Turn {
  /** Its answer is done, or its client is gone. To be called once. */
  leave(): void;
}

export interface SlotRequest {
  /** Whether it carries a blob, and may last for minutes. */
  readonly transfer: boolean;
  /** Called at once, or when it is this one's turn. */
  readonly begin: () => void;
  /** Called at once where too many wait, or after the wait was too long. */
  readonly refuse: () => void;
}

interface Waiting extends SlotRequest {
  readonly timer: NodeJS.Timeout;
}

/** Of the slots, one in so many is never a transfer's: docker repeats those, and nothing else that is refused. */
const KEPT_SHARE = 8;

/**
 * Lets at most `limit` requests be handled at once; as many more wait in order, transfers after all others, each for at
 * most `patience` milliseconds. Transfers leave an eighth of the slots to the others, which need not wait for their end.
 */
export class RequestSlots {
  private readonly taken = { transfers: 0, all: 0 };
  private readonly transferLimit: number;
  private readonly waiting = { others: new Set<Waiting>(), transfers: new Set<Waiting>() };

  constructor(
    private readonly limit: number,
    private readonly patience: number,
  ) {
    this.transferLimit = limit - Math.floor(limit / KEPT_SHARE);
  }

  enter(request: SlotRequest): Turn {
    if (this.hasRoomFor(request)) return this.begin(request);
    if (this.waiting.others.size + this.waiting.transfers.size >= this.limit) {
      request.refuse();
      return { leave: () => undefined };
    }
    return this.wait(request);
  }

  private hasRoomFor({ transfer }: SlotRequest): boolean {
    return this.taken.all < this.limit && !(transfer && this.taken.transfers >= this.transferLimit);
  }

  private begin({ transfer, begin }: SlotRequest): Turn {
    this.taken.all += 1;
    if (transfer) this.taken.transfers += 1;
    begin();
    return {
      leave: () => {
        this.taken.all -= 1;
        if (transfer) this.taken.transfers -= 1;
        this.beginNext();
      },
    };
  }

  private wait(request: SlotRequest): Turn {
    let begun: Turn | undefined;
    const queue = request.transfer ? this.waiting.transfers : this.waiting.others;
    const waiting: Waiting = {
      ...request,
      begin: () => {
        clearTimeout(waiting.timer);
        queue.delete(waiting);
        begun = this.begin(request);
      },
      timer: setTimeout(() => {
        queue.delete(waiting);
        request.refuse();
      }, this.patience),
    };
    queue.add(waiting);
    return {
      leave: () => {
        clearTimeout(waiting.timer);
        queue.delete(waiting);
        begun?.leave();
      },
    };
  }

  private beginNext(): void {
    for (const queue of [this.waiting.others, this.waiting.transfers]) {
      for (const waiting of queue) {
        if (!this.hasRoomFor(waiting)) break;
        waiting.begin();
      }
    }
  }
}
