/** A request that is handled, waits for it, or was refused. */
export interface Turn {
  /** Its answer is done, or its client is gone. To be called once. */
  leave(): void;
}

export interface SlotRequest {
  /** Whether it carries a blob, and may last for minutes. */
  readonly transfer: boolean;
  /** Called at once, or when it is this one's turn. Where it throws the slot is free again. */
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
 * Lets at most `limit` requests be handled at once. As many transfers and as many others wait in order, the others
 * first, each for at most `patience` milliseconds: what fills one queue refuses nothing of the other. Transfers leave an
 * eighth of the slots, of two or more at least one, to the others, which need not wait for their end.
 */
export class RequestSlots {
  private readonly taken = { transfers: 0, all: 0 };
  private readonly transferLimit: number;
  private readonly waiting = { others: new Set<Waiting>(), transfers: new Set<Waiting>() };

  constructor(
    private readonly limit: number,
    private readonly patience: number,
  ) {
    const kept = Math.max(1, Math.floor(limit / KEPT_SHARE));
    this.transferLimit = Math.max(1, limit - kept);
  }

  enter(request: SlotRequest): Turn {
    if (this.hasRoomFor(request)) return this.begin(request);
    const queue = request.transfer ? this.waiting.transfers : this.waiting.others;
    if (queue.size >= this.limit) {
      request.refuse();
      return { leave: () => undefined };
    }
    return this.wait(request, queue);
  }

  /** Refuses all that wait, now; answers how many. */
  refuseWaiting(): number {
    const all = [...this.waiting.others, ...this.waiting.transfers];
    this.waiting.others.clear();
    this.waiting.transfers.clear();
    for (const { timer, refuse } of all) {
      clearTimeout(timer);
      refuse();
    }
    return all.length;
  }

  private hasRoomFor({ transfer }: SlotRequest): boolean {
    return this.taken.all < this.limit && !(transfer && this.taken.transfers >= this.transferLimit);
  }

  private begin({ transfer, begin }: SlotRequest): Turn {
    this.taken.all += 1;
    if (transfer) this.taken.transfers += 1;
    const turn = {
      leave: (): void => {
        this.taken.all -= 1;
        if (transfer) this.taken.transfers -= 1;
        this.beginNext();
      },
    };
    try {
      begin();
    } catch (error) {
      turn.leave();
      throw error;
    }
    return turn;
  }

  private wait(request: SlotRequest, queue: Set<Waiting>): Turn {
    let begun: Turn | undefined;
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
