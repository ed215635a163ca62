import { isLocalName } from '../domain/grant.js';
import type { Grantee } from '../domain/grant.js';
import { PRINCIPALS_PREFIX, principalKey } from '../domain/keys.js';
import { listAll } from '../ports/listing.js';
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
  /** May not log in. */
  readonly disabled?: boolean;
}

/** The users and robots of the store, each one object, read for each login: what is over must not sign anything. */
export class Principals {
  constructor(private readonly driver: StorageDriver) {}

  /** As it is now; undefined too for what is no name. */
  async find(name: string): Promise<PrincipalRecord | undefined> {
    return isLocalName(name) ? this.read(name) : undefined;
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

  async *names(): AsyncGenerator<string> {
    for await (const key of listAll(this.driver, { prefix: PRINCIPALS_PREFIX })) {
      yield key.slice(PRINCIPALS_PREFIX.length);
    }
  }
}

/** Its own, then its groups. */
export function granteesOf(name: string, { kind, groups = [] }: PrincipalRecord): readonly Grantee[] {
  return [{ kind, name }, ...groups.map((group): Grantee => ({ kind: 'group', name: group }))];
}
