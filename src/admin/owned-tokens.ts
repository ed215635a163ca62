import { isAccessTokenId } from '../auth/access-tokens.js';
import type { AccessTokenRecord, AccessTokens, NewAccessToken } from '../auth/access-tokens.js';
import type { PrincipalRecord, Principals } from '../auth/principals.js';
import { grantRecord } from '../domain/grant.js';
import type { Grant } from '../domain/grant.js';
import type { Page, PageRequest } from '../domain/page.js';
import type { Clock } from '../ports/clock.js';
import type { Locker } from '../ports/locker.js';
import { inBatches } from '../ports/listing.js';
import { mapBounded } from '../registry/bounded.js';
import { AdminError } from './admin-error.js';
import { principalNamed } from './existing-principal.js';

export interface TokenParts {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly clock: Clock;
  readonly locker: Locker;
}

export interface TokenWish {
  readonly limits?: readonly Grant[];
  /** Milliseconds; without it the token does not expire. */
  readonly lifetime?: number;
  readonly note?: string;
}

/** A token whose secret is told this once. */
export interface IssuedAccessToken extends NewAccessToken {
  readonly owner: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
}

export interface RotatedAccessToken extends IssuedAccessToken {
  /** The one before it, and until when that holds. */
  readonly replaces: { readonly id: string; readonly until: string };
}

/** An access token without its secret. */
export interface TokenInfo extends Omit<StoredToken, 'hash' | 'ownerCreatedAt'> {
  readonly id: string;
  /** RFC 3339, at most ten minutes behind. */
  readonly lastUsedAt?: string;
}

interface StoredToken extends AccessTokenRecord {
  /** The token that a rotation made of it. */
  readonly replacedBy?: string;
}

const LONGEST_LIFETIME = 100 * 365 * 24 * 60 * 60 * 1000;
const READS_AT_ONCE = 16;

/** The access tokens of users and robots, as administrators handle them. */
export class OwnedTokens {
  constructor(private readonly parts: TokenParts) {}

  /** @throws AdminError */
  async create(owner: string, { limits, lifetime, note }: TokenWish): Promise<IssuedAccessToken> {
    const { createdAt: ownerCreatedAt } = await this.requireOwner(owner);
    requireLifetime(lifetime);
    return this.issue({
      owner,
      ownerCreatedAt,
      ...(limits && { limits: limits.map(grantRecord) }),
      ...(lifetime !== undefined && { expiresAt: this.after(lifetime) }),
      ...(note !== undefined && { note }),
    });
  }

  /**
   * Another token with the rights and the lifetime of this one, which holds for `overlap` milliseconds more; of several
   * rotations of one token at once, within a server, one.
   * @throws AdminError
   */
  rotate(id: string, overlap: number): Promise<RotatedAccessToken> {
    return this.parts.locker.alone(`token:${id}`, () => this.rotateAlone(id, overlap));
  }

  private async rotateAlone(id: string, overlap: number): Promise<RotatedAccessToken> {
    const old = await this.requireToken(id);
    if (await this.parts.tokens.isRevoked(id)) throw noToken();
    if (old.replacedBy !== undefined) {
      throw new AdminError(
        'conflict',
        `${id} was rotated before; rotate ${old.replacedBy}, which replaced it`,
      );
    }
    if (this.parts.tokens.isOver(old))
      throw new AdminError('conflict', `${id} has expired; make another token`);
    const { owner, ownerCreatedAt, limits, note, expiresAt, createdAt } = old;
    if ((await this.requireOwner(owner)).createdAt !== ownerCreatedAt) {
      throw new AdminError('conflict', `${id} is of an earlier ${owner}; revoke it`);
    }
    const lifetime = expiresAt === undefined ? undefined : Date.parse(expiresAt) - Date.parse(createdAt);
    const issued = await this.issue({
      owner,
      ownerCreatedAt,
      ...(limits && { limits }),
      ...(note !== undefined && { note }),
      ...(lifetime !== undefined && { expiresAt: this.after(lifetime) }),
    });
    const until = earlier(this.after(Math.min(overlap, LONGEST_LIFETIME)), expiresAt);
    const replaced: StoredToken = { ...old, expiresAt: until, replacedBy: issued.id };
    if (overlap === 0) await this.revoke(id);
    else await this.parts.tokens.replace(id, replaced);
    return { ...issued, replaces: { id, until } };
  }

  /** @throws AdminError */
  async revoke(id: string): Promise<void> {
    const { owner } = await this.requireToken(id);
    await this.parts.tokens.revoke(id, owner);
  }

  /** Revokes all of one owner; may be repeated. */
  async revokeAll(owner: string): Promise<void> {
    const { tokens } = this.parts;
    for await (const id of tokens.listIds(owner)) await tokens.revoke(id, owner);
  }

  /** Revokes those of whoever had the name before its present owner, made then. */
  async revokeEarlier(owner: string, { createdAt }: PrincipalRecord): Promise<void> {
    const { tokens } = this.parts;
    for await (const id of tokens.listIds(owner)) {
      const record = await tokens.read(id);
      if (record?.ownerCreatedAt !== createdAt) await tokens.revoke(id, owner);
    }
  }

  /** @throws AdminError absent */
  async find(id: string): Promise<TokenInfo> {
    const info = isAccessTokenId(id) ? await this.infoOf(id) : undefined;
    if (info === undefined) throw noToken();
    return info;
  }

  /** Of one owner or all, by id; one listing, and up to three reads a token. @throws AdminError for an owner that nobody is */
  async page(owner: string | undefined, { limit, last }: PageRequest): Promise<Page<TokenInfo>> {
    if (owner !== undefined) await this.requireOwner(owner);
    const items: TokenInfo[] = [];
    for await (const batch of inBatches(this.parts.tokens.listIds(owner, last))) {
      for (const token of await mapBounded(batch, READS_AT_ONCE, (id) => this.infoOf(id))) {
        if (token === undefined) continue;
        const end = items.at(-1);
        if (items.length === limit && end !== undefined) return { items, next: end.id };
        items.push(token);
      }
    }
    return { items };
  }

  private async infoOf(id: string): Promise<TokenInfo | undefined> {
    const record: StoredToken | undefined = await this.parts.tokens.read(id);
    if (record === undefined || (await this.parts.tokens.isRevoked(id))) return undefined;
    const { owner, createdAt, expiresAt, limits, note, replacedBy } = record;
    const lastUsedAt = await this.parts.tokens.lastUse(id);
    return {
      id,
      owner,
      createdAt,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(lastUsedAt !== undefined && { lastUsedAt }),
      ...(limits && { limits }),
      ...(note !== undefined && { note }),
      ...(replacedBy !== undefined && { replacedBy }),
    };
  }

  private async issue(record: Omit<AccessTokenRecord, 'hash' | 'createdAt'>): Promise<IssuedAccessToken> {
    const { owner, expiresAt } = record;
    const { id, secret } = await this.parts.tokens.create(record);
    return { id, owner, secret, ...(expiresAt !== undefined && { expiresAt }) };
  }

  private async requireOwner(owner: string): Promise<PrincipalRecord> {
    const record = await principalNamed(this.parts.principals, owner);
    if (record === undefined) throw new AdminError('absent', `there is no user or robot ${owner}`);
    return record;
  }

  private async requireToken(id: string): Promise<StoredToken> {
    const record = isAccessTokenId(id) ? await this.parts.tokens.read(id) : undefined;
    if (record === undefined) throw noToken();
    return record;
  }

  private after(milliseconds: number): string {
    return new Date(this.parts.clock.now() + milliseconds).toISOString();
  }
}

function noToken(): AdminError {
  return new AdminError('absent', 'there is no access token with this id');
}

/** @throws AdminError */
export function requireLifetime(lifetime: number | undefined): void {
  if (lifetime !== undefined && !(lifetime > 0 && lifetime <= LONGEST_LIFETIME)) {
    throw new AdminError('invalid', 'an access token is good for more than nothing and at most 100 years');
  }
}

function earlier(one: string, other: string | undefined): string {
  return other !== undefined && Date.parse(other) < Date.parse(one) ? other : one;
}
