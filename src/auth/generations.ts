import type { Grantee } from '../domain/grant.js';
import { generationKey } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from './fresh-values.js';
import { readIfThere } from './stored-record.js';

/** What a revocation may name: a grantee or an access token, as `kind:name`. */
export type Witness = `${Grantee['kind'] | 'token'}:${string}`;

/** Of a witness that nothing was revoked of yet. */
const FIRST = '0';
/** Milliseconds within which every node knows of a revocation. */
export const REVOCATION_MILLISECONDS = 5000;
const REMEMBERED = 50_000;

/**
 * One object for each grantee and access token, whose text changes whenever what was given to it shall hold no
 * longer. Bearer tokens carry the texts of their day; writing another ends them on every node, without a list.
 */
export class Generations {
  private readonly values: FreshValues<string>;

  constructor(
    private readonly driver: StorageDriver,
    private readonly ids: Ids,
    clock: Clock,
  ) {
    const options = { maxAge: REVOCATION_MILLISECONDS, entries: REMEMBERED };
    this.values = new FreshValues(clock, options, async (witness) => {
      const bytes = await readIfThere(this.driver, keyOf(witness));
      return bytes?.toString() ?? FIRST;
    });
  }

  /** What is known of it without asking the store. */
  peek(witness: Witness): string | undefined {
    return this.values.peek(witness)?.value;
  }

  current(witness: Witness): Promise<string> {
    return this.values.get(witness);
  }

  /** Ends what was given to it until now: here at once, elsewhere within `REVOCATION_MILLISECONDS`. */
  async renew(witness: Witness): Promise<void> {
    await this.driver.put(keyOf(witness), Buffer.from(this.ids.unique()));
    this.values.forget(witness);
  }
}

function keyOf(witness: string): ReturnType<typeof generationKey> {
  const colon = witness.indexOf(':');
  return generationKey(witness.slice(0, colon) as Grantee['kind'] | 'token', witness.slice(colon + 1));
}
