import { createHash } from 'node:crypto';
import { grantRecord, granteeText, parseGrant, parseGrantee } from '../domain/grant.js';
import type { Grant, GrantRecord, Grantee } from '../domain/grant.js';
import { GRANTS_PREFIX, grantKey, granteeOfKey, grantsPrefix, listedKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import { inBatches, listAll } from '../ports/listing.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from '../ports/fresh-values.js';
import { REVOCATION_MILLISECONDS } from './generations.js';
import { readRecord, writeRecord } from './stored-record.js';

const REMEMBERED = 20_000;
const ID_LENGTH = 32;
const ID = /^[0-9a-f]{32}$/;

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
    const grants = await Promise.all(keys.map((key) => this.recordOf(listedKey(key))));
    return grants.filter((grant) => grant !== undefined);
  }

  /** May be repeated. */
  async add(grantee: Grantee, grant: Grant): Promise<void> {
    await writeRecord(this.driver, grantKey(grantee, grantIdOf(grant)), grantRecord(grant));
    this.values.forget(granteeText(grantee));
  }

  async remove(grantee: Grantee, grant: Grant): Promise<void> {
    await this.driver.delete(grantKey(grantee, grantIdOf(grant)));
    this.values.forget(granteeText(grantee));
  }

  /** The grant of an id; undefined where there is none. */
  async find(grantee: Grantee, id: string): Promise<Grant | undefined> {
    if (!ID.test(id)) return undefined;
    return this.recordOf(grantKey(grantee, id));
  }

  /** Of one grantee or all, by grantee, from the one after `last`. */
  async *held(grantee?: Grantee, last?: string): AsyncGenerator<HeldGrant> {
    const prefix = grantee === undefined ? GRANTS_PREFIX : grantsPrefix(grantee);
    const after = last === undefined ? {} : { startAfter: `${GRANTS_PREFIX}${last}` };
    for await (const batch of inBatches(listAll(this.driver, { prefix, ...after }))) {
      const grants = await Promise.all(batch.map((key) => this.recordOf(listedKey(key))));
      for (const [index, key] of batch.entries()) {
        const grant = grants[index];
        if (grant === undefined) continue;
        const { kind, name } = granteeOfKey(key);
        const id = key.slice(key.lastIndexOf('/') + 1);
        yield { grantee: parseGrantee(`${kind}:${name}`), id, grant, place: key.slice(GRANTS_PREFIX.length) };
      }
    }
  }

  private recordOf(key: Key): Promise<Grant | undefined> {
    return readRecord(this.driver, key, (record) => parseGrant(record as GrantRecord));
  }
}

export interface HeldGrant {
  readonly grantee: Grantee;
  /** Within the grantee. */
  readonly id: string;
  readonly grant: Grant;
  /** In the order of all. */
  readonly place: string;
}

/** Of a grant within its grantee. */
export function grantIdOf(grant: Grant): string {
  const text = JSON.stringify(grantRecord(grant));
  return createHash('sha256').update(text).digest('hex').slice(0, ID_LENGTH);
}
