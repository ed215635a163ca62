import { LRUCache } from 'lru-cache';
import type { Grantee } from '../domain/grant.js';
import { generationKey } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from '../ports/fresh-values.js';
import type { FreshValue } from '../ports/fresh-values.js';
import { readIfThere } from './stored-record.js';

/** What a revocation may name: a grantee or an access token, as `kind:name`. */
export type Witness = `${Grantee['kind'] | 'token'}:${string}`;

/** Of a witness that nothing was revoked of yet. */
const FIRST = '0';
/** Milliseconds within which every node knows of a revocation. */
export const REVOCATION_MILLISECONDS = 5000;
const REMEMBERED = 50_000;

/** When a text was first met, in the order of such events. */
interface Met {
  readonly text: string;
  readonly order: number;
}

/**
 * One object for each grantee and access token, whose text changes whenever what was given to it shall hold no
 * longer. Bearer tokens carry the texts of their day; writing another ends them on every node, without a list.
 */
export class Generations {
  private readonly values: FreshValues<string>;
  private readonly met = new LRUCache<string, Met>({ max: REMEMBERED });
  private readonly listeners: ((witness: Witness) => void)[] = [];
  private events = 0;

  constructor(
    private readonly driver: StorageDriver,
    private readonly ids: Ids,
    clock: Clock,
  ) {
    const options = { maxAge: REVOCATION_MILLISECONDS, entries: REMEMBERED };
    this.values = new FreshValues(clock, options, async (witness) => {
      const bytes = await readIfThere(this.driver, keyOf(witness));
      const text = bytes?.toString() ?? FIRST;
      this.meet(witness as Witness, text);
      return text;
    });
  }

  /** What is known of it without asking the store. */
  peek(witness: Witness): FreshValue<string> | undefined {
    return this.values.peek(witness);
  }

  /** Grows with each revocation that is made here. */
  get changes(): number {
    return this.values.changes;
  }

  current(witness: Witness): Promise<string> {
    return this.values.get(witness);
  }

  /** Whether nothing was revoked of it yet; what an access token gives is over for ever where it was. */
  async isFirst(witness: Witness): Promise<boolean> {
    return (await this.current(witness)) === FIRST;
  }

  /** To be given to `knewAll`. */
  mark(): number {
    return this.events;
  }

  /**
   * Whether these had their texts at a mark already. What was read of the store since then is at least as new as they
   * are: whoever changes a right writes that first, and then the generation. Of an access token the generation is the
   * right itself.
   */
  knewAll(witnesses: readonly Witness[], mark: number): boolean {
    return witnesses.every((witness) => {
      const met = this.met.get(witness);
      if (met === undefined) this.values.forget(witness);
      return met !== undefined && met.order <= mark;
    });
  }

  /** Tells of each text that was not known before. */
  onChange(listener: (witness: Witness) => void): void {
    this.listeners.push(listener);
  }

  /** Ends what was given to it until now: here at once, elsewhere within `REVOCATION_MILLISECONDS`. */
  async renew(witness: Witness): Promise<void> {
    await this.driver.put(keyOf(witness), Buffer.from(this.ids.unique()));
    this.values.forget(witness);
  }

  private meet(witness: Witness, text: string): void {
    if (this.met.get(witness)?.text === text) return;
    this.met.set(witness, { text, order: (this.events += 1) });
    for (const listener of this.listeners) listener(witness);
  }
}

function keyOf(witness: string): ReturnType<typeof generationKey> {
  const colon = witness.indexOf(':');
  return generationKey(witness.slice(0, colon) as Grantee['kind'] | 'token', witness.slice(colon + 1));
}
