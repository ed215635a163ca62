import type { AccessTokenRecord, AccessTokens, NewAccessToken } from '../auth/access-tokens.js';
import type { Generations } from '../auth/generations.js';
import type { Grants } from '../auth/grants.js';
import { granteesOf } from '../auth/principals.js';
import type { PrincipalRecord, Principals } from '../auth/principals.js';
import { grantRecord, parseLocalName } from '../domain/grant.js';
import type { Grant } from '../domain/grant.js';
import type { Clock } from '../ports/clock.js';
import type { PasswordHasher } from '../ports/password-hasher.js';
import { isStorageError } from '../ports/storage-driver.js';
import { AdminError } from './admin-error.js';

export interface AccountParts {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly grants: Grants;
  readonly generations: Generations;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
}

export interface NewUser {
  readonly password?: string;
  readonly admin?: boolean;
  readonly groups?: readonly string[];
}

/** A user or robot without its secrets. */
export interface Account extends Omit<PrincipalRecord, 'password'> {
  readonly name: string;
  readonly hasPassword: boolean;
}

export interface TokenWish {
  readonly limits?: readonly Grant[];
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
  readonly note?: string;
}

/** An access token without its secret. */
export interface TokenInfo extends Omit<AccessTokenRecord, 'hash'> {
  readonly id: string;
  /** RFC 3339, at most ten minutes behind. */
  readonly lastUsedAt?: string;
}

/** bcrypt reads no more. */
const PASSWORD_BYTES = 72;
const SHORTEST_PASSWORD = 8;

/** Users, robots and their access tokens, as administrators handle them. */
export class Accounts {
  constructor(private readonly parts: AccountParts) {}

  /** @throws AdminError, InvalidValue */
  async createUser(name: string, { password, admin, groups }: NewUser): Promise<void> {
    await this.create(name, {
      kind: 'user',
      createdAt: this.now(),
      ...(password !== undefined && { password: await this.hashOf(password) }),
      ...(admin === true && { admin }),
      ...(groups && groups.length > 0 && { groups: groups.map(parseLocalName) }),
    });
  }

  /** @throws AdminError, InvalidValue */
  async createRobot(name: string, grants: readonly Grant[], wish: TokenWish): Promise<NewAccessToken> {
    await this.create(name, { kind: 'robot', createdAt: this.now() });
    for (const grant of grants) await this.parts.grants.add({ kind: 'robot', name }, grant);
    return this.createToken(name, wish);
  }

  /** Ends what the user has by the old one. @throws AdminError */
  async setPassword(name: string, password: string): Promise<void> {
    const hash = await this.hashOf(password);
    await this.change(name, (record) => {
      if (record.kind === 'robot') throw new AdminError(`${name} is a robot; it logs in by access tokens`);
      return { ...record, password: hash };
    });
  }

  /** @throws AdminError, InvalidValue */
  async setGroups(name: string, groups: readonly string[]): Promise<void> {
    await this.change(name, (record) => ({ ...record, groups: groups.map(parseLocalName) }));
  }

  /** @throws AdminError */
  async setAdmin(name: string, admin: boolean): Promise<void> {
    await this.change(name, (record) => ({ ...record, admin }));
  }

  /** A disabled one keeps all it has, and may do nothing. @throws AdminError */
  async setDisabled(name: string, disabled: boolean): Promise<void> {
    await this.change(name, (record) => ({ ...record, disabled }));
  }

  /** With its access tokens and grants. @throws AdminError */
  async remove(name: string): Promise<void> {
    const record = await this.require(name);
    const { principals, tokens, grants } = this.parts;
    await principals.remove(name);
    await this.renew(name, record);
    for await (const id of tokens.listIds(name)) await tokens.remove(id, name);
    const grantee = { kind: record.kind, name };
    for (const grant of await grants.read(grantee)) await grants.remove(grantee, grant);
  }

  async *list(kind: PrincipalRecord['kind']): AsyncGenerator<Account> {
    for await (const name of this.parts.principals.names()) {
      const record = await this.parts.principals.read(name);
      if (record?.kind !== kind) continue;
      const { password, ...told } = record;
      yield { ...told, name, hasPassword: password !== undefined };
    }
  }

  /** @throws AdminError */
  async createToken(owner: string, { limits, expiresAt, note }: TokenWish): Promise<NewAccessToken> {
    await this.require(owner);
    return this.parts.tokens.create({
      owner,
      ...(limits && limits.length > 0 && { limits: limits.map(grantRecord) }),
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
      ...(note !== undefined && { note }),
    });
  }

  /** Another token of the same rights; the old one holds for `overlap` milliseconds more. @throws AdminError */
  async rotateToken(id: string, overlap: number): Promise<NewAccessToken> {
    const old = await this.requireToken(id);
    const { owner, limits, note, expiresAt } = old;
    const lifetime = expiresAt === undefined ? undefined : Date.parse(expiresAt) - Date.parse(old.createdAt);
    const now = this.parts.clock.now();
    const created = await this.parts.tokens.create({
      owner,
      ...(limits && { limits }),
      ...(note !== undefined && { note }),
      ...(lifetime !== undefined && { expiresAt: new Date(now + lifetime).toISOString() }),
    });
    const end = Math.min(now + overlap, expiresAt === undefined ? Infinity : Date.parse(expiresAt));
    if (overlap === 0) await this.revokeToken(id);
    else await this.parts.tokens.replace(id, { ...old, expiresAt: new Date(end).toISOString() });
    return created;
  }

  /** @throws AdminError */
  async revokeToken(id: string): Promise<void> {
    const { owner } = await this.requireToken(id);
    await this.parts.tokens.remove(id, owner);
    await this.parts.generations.renew(`token:${id}`);
  }

  async *listTokens(owner?: string): AsyncGenerator<TokenInfo> {
    const { tokens } = this.parts;
    for await (const id of tokens.listIds(owner)) {
      const record = await tokens.read(id);
      if (record === undefined) continue;
      const lastUsedAt = await tokens.lastUse(id);
      yield { ...toldOf(record), id, ...(lastUsedAt !== undefined && { lastUsedAt }) };
    }
  }

  private async create(name: string, record: PrincipalRecord): Promise<void> {
    parseLocalName(name);
    try {
      await this.parts.principals.create(name, record);
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      throw new AdminError(`there is a user or robot ${name} already`, { cause: error });
    }
  }

  private async change(name: string, to: (record: PrincipalRecord) => PrincipalRecord): Promise<void> {
    const record = await this.require(name);
    await this.parts.principals.replace(name, to(record));
    await this.renew(name, record);
  }

  private async renew(name: string, record: PrincipalRecord): Promise<void> {
    const [self] = granteesOf(name, record);
    if (self !== undefined) await this.parts.generations.renew(`${self.kind}:${self.name}`);
  }

  private async require(name: string): Promise<PrincipalRecord> {
    const record = await this.parts.principals.read(parseLocalName(name));
    if (record === undefined) throw new AdminError(`there is no user or robot ${name}`);
    return record;
  }

  private async requireToken(id: string): Promise<AccessTokenRecord> {
    const record = /^[a-z0-9]{26}$/.test(id) ? await this.parts.tokens.read(id) : undefined;
    if (record === undefined) throw new AdminError(`there is no access token ${id}`);
    return record;
  }

  private async hashOf(password: string): Promise<string> {
    if (password.length < SHORTEST_PASSWORD || Buffer.byteLength(password) > PASSWORD_BYTES) {
      throw new AdminError(
        `a password has at least ${SHORTEST_PASSWORD} characters and at most ${PASSWORD_BYTES} bytes`,
      );
    }
    return this.parts.hasher.hash(password);
  }

  private now(): string {
    return new Date(this.parts.clock.now()).toISOString();
  }
}

function toldOf({ owner, createdAt, expiresAt, limits, note }: AccessTokenRecord): Omit<TokenInfo, 'id'> {
  return {
    owner,
    createdAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(limits && { limits }),
    ...(note !== undefined && { note }),
  };
}
