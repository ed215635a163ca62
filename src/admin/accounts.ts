import type { Generations } from '../auth/generations.js';
import type { Grants } from '../auth/grants.js';
import type { FoundPrincipal, PrincipalRecord, Principals } from '../auth/principals.js';
import { parseLocalName } from '../domain/grant.js';
import type { Grant } from '../domain/grant.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import { isStorageError } from '../ports/storage-driver.js';
import { mapBounded } from '../registry/bounded.js';
import { AdminError } from './admin-error.js';
import { existingPrincipal, principalNamed } from './existing-principal.js';
import type { AccountKind, AccountName } from './existing-principal.js';
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
  /** Whether the configuration's file of users has the name. */
  readonly isFileUser: (name: string) => Promise<boolean>;
}

export interface NewUser {
  /** Without it there are only logins by access token. */
  readonly password?: string;
  readonly admin?: boolean;
  readonly groups?: readonly string[];
}

/** A user or robot without its secrets. */
export interface Account {
  readonly name: string;
  readonly kind: AccountKind;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly admin: boolean;
  readonly groups: readonly string[];
  readonly disabled: boolean;
}

const MADE_PASSWORD_BYTES = 15;
const READS_AT_ONCE = 16;

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
    await this.create(name, {
      kind: 'user',
      createdAt: this.now(),
      ...(password !== undefined && { password: await this.hashOf(password) }),
      ...(admin && { admin }),
      ...(names.length > 0 && { groups: names }),
    });
    await this.parts.principals.enable(name);
  }

  /** With its grants and one access token. @throws AdminError, InvalidValue */
  async createRobot(name: string, grants: readonly Grant[], wish: TokenWish): Promise<IssuedAccessToken> {
    requireLifetime(wish.lifetime);
    await this.requireFree(name);
    if (await this.parts.isFileUser(name))
      throw new AdminError('exists', `${name} is a user of auth.htpasswd.file`);
    await this.create(name, { kind: 'robot', createdAt: this.now() });
    await this.removeGrants({ kind: 'robot', name });
    for (const grant of grants) await this.parts.grants.add({ kind: 'robot', name }, grant);
    await this.parts.principals.enable(name);
    return this.parts.tokens.create(name, wish);
  }

  /** Ends the logins by the old one. @throws AdminError */
  async setPassword(name: string, password: string): Promise<void> {
    await existingPrincipal(this.parts.principals, { kind: 'user', name });
    const hash = await this.hashOf(password);
    await this.change({ kind: 'user', name }, { password: hash });
  }

  /** Instead of those it has. @throws AdminError, InvalidValue */
  async setGroups(name: string, groups: readonly string[]): Promise<void> {
    await this.change({ kind: 'user', name }, { groups: groupNames(groups) });
  }

  /** @throws AdminError */
  async setAdmin(name: string, admin: boolean): Promise<void> {
    await this.change({ kind: 'user', name }, { admin });
  }

  /** A disabled one keeps all it has, and may do nothing. @throws AdminError */
  async setDisabled(account: AccountName, disabled: boolean): Promise<void> {
    const { principals } = this.parts;
    await existingPrincipal(principals, account);
    await (disabled ? principals.disable(account.name) : principals.enable(account.name));
    await this.renew(account);
  }

  /**
   * With its access tokens and grants. One that is cut off leaves a disabled account, and may be repeated: whoever gets
   * the name later inherits nothing. The name stays disabled until then, for another command may still write the
   * record that it read before.
   * @throws AdminError
   */
  async remove(account: AccountName): Promise<void> {
    await this.setDisabled(account, true);
    await this.parts.tokens.revokeAll(account.name);
    await this.removeGrants(account);
    await this.parts.principals.remove(account.name);
    await this.renew(account);
  }

  /** By name. */
  async list(kind: AccountKind): Promise<readonly Account[]> {
    const { principals } = this.parts;
    const names: string[] = [];
    for await (const name of principals.names()) names.push(name);
    const accounts = await mapBounded(names, READS_AT_ONCE, async (name) => {
      const found = await principals.findForLogin(name);
      return found?.record.kind === kind ? accountOf(name, found) : undefined;
    });
    return accounts.filter((account) => account !== undefined);
  }

  private async create(name: string, record: PrincipalRecord): Promise<void> {
    try {
      await this.parts.principals.create(name, record);
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      throw new AdminError('exists', `there is a user or robot ${name} already`, { cause: error });
    }
    await this.parts.tokens.revokeAll(name); // what a listing hid from an earlier removal
  }

  private async requireFree(name: string): Promise<void> {
    const record = await principalNamed(this.parts.principals, parseLocalName(name));
    if (record !== undefined) throw new AdminError('exists', `there is a ${record.kind} ${name} already`);
  }

  private async change(account: AccountName, values: Partial<PrincipalRecord>): Promise<void> {
    const record = await existingPrincipal(this.parts.principals, account);
    await this.parts.principals.replace(account.name, { ...record, ...values });
    await this.renew(account);
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

function accountOf(name: string, { record, isDisabled }: FoundPrincipal): Account {
  const { kind, createdAt, admin = false, groups = [] } = record;
  return { name, kind, createdAt, admin, groups, disabled: isDisabled };
}
