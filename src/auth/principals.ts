import { isLocalName } from '../domain/grant.js';
import type { Grantee } from '../domain/grant.js';
import { PRINCIPALS_PREFIX, disabledKey, principalKey } from '../domain/keys.js';
import { listAll } from '../ports/listing.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { readRecord, writeRecord } from './stored-record.js';

/** A user or robot as it is stored; users and robots share one space of names. */
export interface PrincipalRecord {
  readonly kind: 'user' | 'robot';
  /** RFC 3339. */
  readonly createdAt: string;
  /** bcrypt; without it there is no login by password. */
  readonly password?: string;
  /** May do everything everywhere. */
  readonly admin?: boolean;
  readonly groups?: readonly string[];
}

/** A user or robot as a login finds it. */
export interface FoundPrincipal {
  readonly record: PrincipalRecord;
  /** May not log in. */
  readonly isDisabled: boolean;
}

/** The users and robots of the store, each one object, read for each login: what is over must not sign anything. */
export class Principals {
  constructor(private readonly driver: StorageDriver) {}

  /** As it is now; undefined too for what is no name. */
  async find(name: string): Promise<PrincipalRecord | undefined> {
    return isLocalName(name) ? this.read(name) : undefined;
  }

  /** The same with whether it may log in. */
  async findForLogin(name: string): Promise<FoundPrincipal | undefined> {
    if (!isLocalName(name)) return undefined;
    const [record, isDisabled] = await Promise.all([this.read(name), this.isDisabled(name)]);
    return record && { record, isDisabled };
  }

  read(name: string): Promise<PrincipalRecord | undefined> {
    return readRecord(this.driver, principalKey(name), (record) => record as PrincipalRecord);
  }

  /** @throws StorageError EXISTS */
  async create(name: string, record: PrincipalRecord): Promise<void> {
    await writeRecord(this.driver, principalKey(name), record, { ifAbsent: true });
  }

  async replace(name: string, record: PrincipalRecord): Promise<void> {
    await writeRecord(this.driver, principalKey(name), record);
  }

  async remove(name: string): Promise<void> {
    await this.driver.delete(principalKey(name));
  }

  /**
   * Whether the name is disabled: an object of its own, for the record's last writer may have read it before. It is
   * never written over, so that one look is enough.
   */
  async isDisabled(name: string): Promise<boolean> {
    try {
      await this.driver.read(disabledKey(name), { fresh: true });
      return true;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  /** May be repeated. */
  async disable(name: string): Promise<void> {
    try {
      await writeRecord(this.driver, disabledKey(name), {}, { ifAbsent: true });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
    }
  }

  /** May be repeated. */
  async enable(name: string): Promise<void> {
    await this.driver.delete(disabledKey(name));
  }

  /** In order, from the one after `last`. */
  async *names(last?: string): AsyncGenerator<string> {
    const after = last === undefined ? {} : { startAfter: `${PRINCIPALS_PREFIX}${last}` };
    for await (const key of listAll(this.driver, { prefix: PRINCIPALS_PREFIX, ...after })) {
      yield key.slice(PRINCIPALS_PREFIX.length);
    }
  }
}

/** Its own, then its groups. */
export function granteesOf(name: string, { kind, groups = [] }: PrincipalRecord): readonly Grantee[] {
  return [{ kind, name }, ...groups.map((group): Grantee => ({ kind: 'group', name: group }))];
}
