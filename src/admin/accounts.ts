import type { Generations } from '../auth/generations.js';
import type { Grants } from '../auth/grants.js';
import type { FoundPrincipal, PrincipalRecord, Principals } from '../auth/principals.js';
import { parseLocalName } from '../domain/grant.js';
import type { Grant } from '../domain/grant.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Locker } from '../ports/locker.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import { isStorageError } from '../ports/storage-driver.js';
import { versionOf, versioned } from './account.js';
import type { VersionedAccount } from './account.js';
import { AdminError } from './admin-error.js';
import { existingPrincipal, principalNamed } from './existing-principal.js';
import type { AccountName } from './existing-principal.js';
import { PASSWORD_RULE, isPassword } from './password-rule.js';
import { requireLifetime } from './owned-tokens.js';
import type { IssuedAccessToken, OwnedTokens, TokenWish } from './owned-tokens.js';

export interface AccountParts {
  readonly principals: Principals;
  readonly tokens: OwnedTokens;
  readonly grants: Grants;
  readonly generations: Generations;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly locker: Locker;
  /** Whether the configuration's file of users has the name. */
  readonly isFileUser: (name: string) => Promise<boolean>;
}

export interface NewUser {
  /** Without it there are only logins by access token. */
  readonly password?: string | undefined;
  readonly admin?: boolean | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** What is given is changed. */
export interface AccountChanges {
  /** Ends the logins by the old one. */
  readonly password?: string | undefined;
  readonly admin?: boolean | undefined;
  /** Instead of those it has. */
  readonly groups?: readonly string[] | undefined;
  /** A disabled one keeps all it has, and may do nothing. */
  readonly disabled?: boolean | undefined;
}

const MADE_PASSWORD_BYTES = 15;

/** Users and robots, as administrators handle them. */
export class Accounts {
  constructor(private readonly parts: AccountParts) {}

  /** For a user who gets one made. */
  newPassword(): string {
    return this.parts.ids.secret(MADE_PASSWORD_BYTES).toString('base64url');
  }

  /** @throws AdminError, InvalidValue */
  async createUser(name: string, { password, admin = false, groups = [] }: NewUser): Promise<void> {
    const names = groupNames(groups);
    await this.requireFree(name);
    const hash = password === undefined ? undefined : await this.hashOf(password);
    await this.alone({ kind: 'user', name }, async () => {
      await this.create(name, {
        kind: 'user',
        createdAt: this.now(),
        ...(hash !== undefined && { password: hash }),
        ...(admin && { admin }),
        ...(names.length > 0 && { groups: names }),
      });
      await this.parts.principals.enable(name);
    });
  }

  /** With its grants and one access token. @throws AdminError, InvalidValue */
  async createRobot(name: string, grants: readonly Grant[], wish: TokenWish): Promise<IssuedAccessToken> {
    requireLifetime(wish.lifetime);
    await this.requireFree(name);
    if (await this.parts.isFileUser(name))
      throw new AdminError('exists', `${name} is a user of auth.htpasswd.file`);
    return this.alone({ kind: 'robot', name }, async () => {
      await this.create(name, { kind: 'robot', createdAt: this.now() });
      for (const grant of grants) await this.parts.grants.add({ kind: 'robot', name }, grant);
      await this.parts.principals.enable(name);
      return this.parts.tokens.create(name, wish);
    });
  }

  /** @throws AdminError absent */
  async find(account: AccountName): Promise<VersionedAccount> {
    return versioned(account.name, await this.requireFound(account));
  }

  /**
   * One change of an account after the other within a server; of two servers that change one at the same moment the
   * later may undo what the earlier did to its password, groups and rights.
   * @throws AdminError; 'stale' where the account is of another version than the one that is given
   */
  async update(
    account: AccountName,
    { password, admin, groups, disabled }: AccountChanges,
    version?: string,
  ): Promise<VersionedAccount> {
    await this.requireFound(account);
    const changes: Partial<PrincipalRecord> = {
      ...(password !== undefined && { password: await this.hashOf(password) }),
      ...(admin !== undefined && { admin }),
      ...(groups && { groups: groupNames(groups) }),
    };
    return this.alone(account, async () => {
      const found = await this.requireFound(account);
      requireVersion(account, found, version);
      if (Object.keys(changes).length > 0) await this.change(account, found.record, changes);
      if (disabled !== undefined) await this.setDisabled(account, disabled);
      return this.find(account);
    });
  }

  /** May be repeated. @throws AdminError absent; InvalidValue */
  async addMember(group: string, user: string): Promise<void> {
    await this.changeGroups(user, (groups) => [...groups, parseLocalName(group)]);
  }

  /** May be repeated. @throws AdminError absent */
  async removeMember(group: string, user: string): Promise<void> {
    await this.changeGroups(user, (groups) => groups.filter((each) => each !== group));
  }

  /**
   * With its access tokens and grants. One that is cut off leaves a disabled account, and may be repeated: whoever gets
   * the name later inherits nothing. The name stays disabled until then, for another server or command may still write
   * the record that it read before.
   * @throws AdminError; 'stale' where the account is of another version than the one that is given
   */
  async remove(account: AccountName, version?: string): Promise<void> {
    await this.alone(account, async () => {
      requireVersion(account, await this.requireFound(account), version);
      await this.setDisabled(account, true);
      await this.parts.tokens.revokeAll(account.name);
      await this.removeGrants(account);
      await this.parts.principals.remove(account.name);
      await this.renew(account);
    });
  }

  private async create(name: string, record: PrincipalRecord): Promise<void> {
    try {
      await this.parts.principals.create(name, record);
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      throw new AdminError('exists', `there is a user or robot ${name} already`, { cause: error });
    }
    // What a listing hid from an earlier removal.
    await this.parts.tokens.revokeEarlier(name, record);
    if (record.kind === 'robot') await this.removeGrants({ kind: 'robot', name });
  }

  private async requireFree(name: string): Promise<void> {
    const record = await principalNamed(this.parts.principals, parseLocalName(name));
    if (record !== undefined) throw new AdminError('exists', `there is a ${record.kind} ${name} already`);
  }

  private async change(
    account: AccountName,
    record: PrincipalRecord,
    values: Partial<PrincipalRecord>,
  ): Promise<void> {
    await this.parts.principals.replace(account.name, { ...record, ...values });
    await this.renew(account);
  }

  private async changeGroups(
    name: string,
    changed: (groups: readonly string[]) => readonly string[],
  ): Promise<void> {
    const user: AccountName = { kind: 'user', name };
    await this.alone(user, async () => {
      const record = await existingPrincipal(this.parts.principals, user);
      const { groups = [] } = record;
      const names = groupNames(changed(groups));
      if (names.length !== groups.length) await this.change(user, record, { groups: names });
    });
  }

  private async setDisabled(account: AccountName, disabled: boolean): Promise<void> {
    const { principals } = this.parts;
    await (disabled ? principals.disable(account.name) : principals.enable(account.name));
    await this.renew(account);
  }

  private alone<T>({ name }: AccountName, work: () => Promise<T>): Promise<T> {
    return this.parts.locker.alone(`account:${name}`, work);
  }

  private async requireFound(account: AccountName): Promise<FoundPrincipal> {
    const record = await existingPrincipal(this.parts.principals, account);
    return { record, isDisabled: await this.parts.principals.isDisabled(account.name) };
  }

  private async removeGrants(account: AccountName): Promise<void> {
    const { grants } = this.parts;
    for (const grant of await grants.read(account)) await grants.remove(account, grant);
  }

  private renew({ kind, name }: AccountName): Promise<void> {
    return this.parts.generations.renew(`${kind}:${name}`);
  }

  private async hashOf(password: string): Promise<string> {
    if (!isPassword(password)) throw new AdminError('invalid', PASSWORD_RULE);
    return this.parts.hasher.hash(password);
  }

  private now(): string {
    return new Date(this.parts.clock.now()).toISOString();
  }
}

function groupNames(groups: readonly string[]): readonly string[] {
  return [...new Set(groups.map(parseLocalName))];
}

function requireVersion(
  { kind, name }: AccountName,
  found: FoundPrincipal,
  version: string | undefined,
): void {
  if (version === undefined || version === versionOf(found)) return;
  throw new AdminError('stale', `the ${kind} ${name} was changed meanwhile; look at it again`);
}
