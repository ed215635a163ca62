import { createHash, timingSafeEqual } from 'node:crypto';
import type { GrantRecord } from '../domain/grant.js';
import {
  ACCESS_TOKENS_PREFIX,
  accessTokenKey,
  ownedTokenKey,
  ownedTokensPrefix,
  tokenUseKey,
} from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import { listAll } from '../ports/listing.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from '../ports/fresh-values.js';
import type { Generations } from './generations.js';
import { readRecord, writeRecord } from './stored-record.js';

/** What a user or robot logs in with instead of a password, as it is stored. */
export interface AccessTokenRecord {
  /** Name of the user or robot. */
  readonly owner: string;
  /** That account's `createdAt`: one that gets the name later does not get the token. */
  readonly ownerCreatedAt: string;
  /** SHA-256 of the secret, base64url. It is random, so a slow hash would add nothing. */
  readonly hash: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly expiresAt?: string;
  /** Where given, the token allows nothing beyond these of what its owner may do. */
  readonly limits?: readonly GrantRecord[];
  /** What it is for, in its owner's words. */
  readonly note?: string;
}

export interface NewAccessToken {
  readonly id: string;
  /** Shown once, kept nowhere. */
  readonly secret: string;
}

const SECRET_BYTES = 32;
/** `sy_` lets scanners of source code find secrets that were published by mistake. */
const SECRET = /^sy_([a-z0-9]{26})_([A-Za-z0-9_-]{43})$/;
const ID = /^[a-z0-9]{26}$/;
const REMEMBERED_USES = 20_000;
/** A time of last use is at most this old. */
const USE_MILLISECONDS = 10 * 60_000;

/** The access tokens of the store: each one object, found by the id that its secret begins with, and read for each login. */
export class AccessTokens {
  private readonly uses: FreshValues<void>;

  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly generations: Generations,
  ) {
    this.uses = new FreshValues(clock, { maxAge: USE_MILLISECONDS, entries: REMEMBERED_USES }, async (id) => {
      await writeRecord(this.driver, tokenUseKey(id), { at: new Date(this.clock.now()).toISOString() });
    });
  }

  /** The token that a secret is of, unless it is over. */
  async find(secret: string): Promise<{ id: string; record: AccessTokenRecord } | undefined> {
    const [, id] = SECRET.exec(secret) ?? [];
    const record = id === undefined ? undefined : await this.read(id);
    if (id === undefined || record === undefined || this.isOver(record)) return undefined;
    const [given, kept] = [Buffer.from(hashOf(secret)), Buffer.from(record.hash)];
    if (given.length !== kept.length || !timingSafeEqual(given, kept)) return undefined;
    return (await this.isRevoked(id)) ? undefined : { id, record };
  }

  /** The token of an id, unless it is over. */
  async findById(id: string): Promise<AccessTokenRecord | undefined> {
    const record = isAccessTokenId(id) ? await this.read(id) : undefined;
    if (record === undefined || this.isOver(record)) return undefined;
    return (await this.isRevoked(id)) ? undefined : record;
  }

  /** As it is known within 5 s; also where a rotation wrote the record again after that. */
  async isRevoked(id: string): Promise<boolean> {
    return !(await this.generations.isFirst(`token:${id}`));
  }

  read(id: string): Promise<AccessTokenRecord | undefined> {
    return readRecord(this.driver, accessTokenKey(id), (record) => record as AccessTokenRecord);
  }

  async create(record: Omit<AccessTokenRecord, 'hash' | 'createdAt'>): Promise<NewAccessToken> {
    const id = this.ids.unique();
    const secret = `sy_${id}_${this.ids.secret(SECRET_BYTES).toString('base64url')}`;
    const createdAt = new Date(this.clock.now()).toISOString();
    await writeRecord(this.driver, ownedTokenKey(record.owner, id), {});
    await writeRecord(this.driver, accessTokenKey(id), { ...record, createdAt, hash: hashOf(secret) });
    return { id, secret };
  }

  async replace(id: string, record: AccessTokenRecord): Promise<void> {
    await writeRecord(this.driver, accessTokenKey(id), record);
  }

  /** The generation first: whoever writes the record again does not bring the token back. */
  async revoke(id: string, owner: string): Promise<void> {
    await this.generations.renew(`token:${id}`);
    await this.driver.delete(accessTokenKey(id));
    await this.driver.delete(ownedTokenKey(owner, id));
    await this.driver.delete(tokenUseKey(id));
  }

  /** Of one owner, or all, in order from the one after `last`. Some may be gone. */
  async *listIds(owner?: string, last?: string): AsyncGenerator<string> {
    const prefix = owner === undefined ? ACCESS_TOKENS_PREFIX : ownedTokensPrefix(owner);
    const after = last === undefined ? {} : { startAfter: `${prefix}${last}` };
    for await (const key of listAll(this.driver, { prefix, ...after })) yield key.slice(prefix.length);
  }

  /** Notes that a token is used; the store is told at most every ten minutes, and may fail to note it. */
  async used(id: string): Promise<void> {
    try {
      await this.uses.get(id);
    } catch (error) {
      if (!isStorageError(error)) throw error;
    }
  }

  /** RFC 3339, at most ten minutes behind; undefined for one that was never used. */
  async lastUse(id: string): Promise<string | undefined> {
    return readRecord(this.driver, tokenUseKey(id), (record) => (record as { at: string }).at);
  }

  isOver({ expiresAt }: AccessTokenRecord): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.clock.now();
  }
}

export function isAccessTokenId(text: string): boolean {
  return ID.test(text);
}

/** The id that the secret of an access token begins with; undefined for any other text. */
export function tokenIdIn(secret: string): string | undefined {
  return SECRET.exec(secret)?.[1];
}

export function looksLikeAccessToken(secret: string): boolean {
  return SECRET.test(secret);
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
