import { createHash } from 'node:crypto';
import { grantRecord, granteeText, parseGrant, parseGrantee } from '../domain/grant.js';
import type { Grant, GrantRecord, Grantee } from '../domain/grant.js';
import { GRANTS_PREFIX, grantKey, granteeOfKey, grantsPrefix, listedKey } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import { listAll } from '../ports/listing.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from './fresh-values.js';
import { REVOCATION_MILLISECONDS } from './generations.js';
import { readRecord, writeRecord } from './stored-record.js';

const REMEMBERED = 20_000;
const ID_LENGTH = 32;

/**
 * The grants of the store, each one object, so that two who grant and revoke at once lose nothing. They are found by
 * a list of one grantee's, and each is read: a list that lags may hide a new grant for a while, never keep one that
 * is gone.
 */
export class Grants {
  private readonly values: FreshValues<readonly Grant[]>;

  constructor(
    private readonly driver: StorageDriver,
    clock: Clock,
  ) {
    const options = { maxAge: REVOCATION_MILLISECONDS, entries: REMEMBERED };
    this.values = new FreshValues(clock, options, (text) => this.read(parseGrantee(text)));
  }

  /** As they were at most `REVOCATION_MILLISECONDS` ago. */
  of(grantee: Grantee): Promise<readonly Grant[]> {
    return this.values.get(granteeText(grantee));
  }

  /** As `kind:name`; read anew when it is asked for. */
  forget(grantee: string): void {
    this.values.forget(grantee);
  }

  /** As they are now. */
  async read(grantee: Grantee): Promise<readonly Grant[]> {
    const keys: string[] = [];
    for await (const key of listAll(this.driver, { prefix: grantsPrefix(grantee) })) keys.push(key);
    const grants = await Promise.all(
      keys.map((key) =>
        readRecord(this.driver, listedKey(key), (record) => parseGrant(record as GrantRecord)),
      ),
    );
    return grants.filter((grant) => grant !== undefined);
  }

  /** May be repeated. */
  async add(grantee: Grantee, grant: Grant): Promise<void> {
    await writeRecord(this.driver, grantKey(grantee, idOf(grant)), grantRecord(grant));
    this.values.forget(granteeText(grantee));
  }

  async remove(grantee: Grantee, grant: Grant): Promise<void> {
    await this.driver.delete(grantKey(grantee, idOf(grant)));
    this.values.forget(granteeText(grantee));
  }

  /** Whoever has a grant, once. */
  async grantees(): Promise<readonly Grantee[]> {
    const texts = new Set<string>();
    for await (const key of listAll(this.driver, { prefix: GRANTS_PREFIX })) {
      const { kind, name } = granteeOfKey(key);
      texts.add(`${kind}:${name}`);
    }
    return [...texts].map(parseGrantee);
  }
}

function idOf(grant: Grant): string {
  const text = JSON.stringify(grantRecord(grant));
  return createHash('sha256').update(text).digest('hex').slice(0, ID_LENGTH);
}
