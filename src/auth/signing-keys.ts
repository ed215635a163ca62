import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { TOKEN_KEYS_PREFIX, tokenKeyKey } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import { listAll } from '../ports/listing.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { FreshValues } from '../ports/fresh-values.js';
import type { FreshValue } from '../ports/fresh-values.js';
import { REVOCATION_MILLISECONDS } from './generations.js';
import { readRecord, writeRecord } from './stored-record.js';

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

interface KeyRecord {
  readonly createdAt: string;
  readonly privateKey: JsonWebKey;
}

const KEY_ID = /^[A-Za-z0-9_-]{43}$/;
const REMEMBERED = 1000;
/** Milliseconds after which the keys are listed again, to sign with the newest. */
const LIST_MILLISECONDS = 60_000;
/** Ids that nobody made, asked for within `REVOCATION_MILLISECONDS`: more are looked for in one list. */
const MOST_UNKNOWN = 50;

/**
 * The ES256 keys that sign bearer tokens, each an object of the store named by its key id, so that any node accepts
 * what another signed. Two nodes that start at once leave two keys, both valid.
 */
export class SigningKeys {
  private readonly values: FreshValues<SigningKey | undefined>;
  private readonly parsed = new Map<string, SigningKey>();
  private readonly chosen: FreshValues<SigningKey>;
  private readonly published: FreshValues<readonly SigningKey[]>;
  private unknown = { count: 0, since: 0 };

  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
  ) {
    const options = { maxAge: REVOCATION_MILLISECONDS, entries: REMEMBERED };
    this.values = new FreshValues(clock, options, (id) => this.read(id));
    this.chosen = new FreshValues(clock, { maxAge: LIST_MILLISECONDS, entries: 1 }, () => this.choose());
    this.published = new FreshValues(clock, { ...options, entries: 1 }, () => this.all());
  }

  /** The newest, to sign with; made if the store has none. */
  async current(): Promise<SigningKey> {
    const key = await this.chosen.get('newest');
    if ((await this.values.get(key.id)) !== undefined) return key;
    this.chosen.forget('newest');
    return this.chosen.get('newest');
  }

  /** As it was at most `REVOCATION_MILLISECONDS` ago; undefined for an id that no node made. */
  async find(id: string): Promise<SigningKey | undefined> {
    if (!KEY_ID.test(id)) return undefined;
    const known = this.values.peek(id);
    if (known !== undefined) return known.value;
    if (this.parsed.has(id) || this.mayLookUp()) return this.values.get(id);
    return (await this.known()).find((key) => key.id === id);
  }

  /** As far as that is known without asking the store. */
  peek(id: string): FreshValue<SigningKey | undefined> | undefined {
    return this.values.peek(id);
  }

  /** Grows with each key that is made or removed here. */
  get changes(): number {
    return this.values.changes;
  }

  /** Every key as of at most `REVOCATION_MILLISECONDS` ago, the newest first. */
  known(): Promise<readonly SigningKey[]> {
    return this.published.get('all');
  }

  /** Every key as it is now, the newest first. */
  async all(): Promise<readonly SigningKey[]> {
    const found: SigningKey[] = [];
    for await (const text of listAll(this.driver, { prefix: TOKEN_KEYS_PREFIX })) {
      const key = await this.values.get(text.slice(TOKEN_KEYS_PREFIX.length));
      if (key !== undefined) found.push(key);
    }
    return found.sort((one, other) => other.createdAt - one.createdAt);
  }

  async create(): Promise<SigningKey> {
    const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
    const id = thumbprintOf(publicKey);
    const createdAt = this.clock.now();
    // Nobody else has this name: a put that is made again after a lost answer must not fail.
    await writeRecord(this.driver, tokenKeyKey(id), {
      createdAt: new Date(createdAt).toISOString(),
      privateKey: privateKey.export({ format: 'jwk' }),
    } satisfies KeyRecord);
    this.forget(id);
    return { id, privateKey, publicKey, createdAt };
  }

  /** What it signed is refused: here at once, elsewhere within `REVOCATION_MILLISECONDS`. */
  async remove(id: string): Promise<void> {
    await this.driver.delete(tokenKeyKey(id));
    this.forget(id);
  }

  private forget(id: string): void {
    this.values.forget(id);
    this.chosen.forget('newest');
    this.published.forget('all');
  }

  private async choose(): Promise<SigningKey> {
    return (await this.all())[0] ?? this.create();
  }

  private async read(id: string): Promise<SigningKey | undefined> {
    const key = await readRecord(
      this.driver,
      tokenKeyKey(id),
      (record) => this.parsed.get(id) ?? keyOf(id, record as KeyRecord),
    );
    if (key === undefined) this.parsed.delete(id);
    else this.parsed.set(id, key);
    return key;
  }

  private mayLookUp(): boolean {
    const now = this.clock.now();
    if (now - this.unknown.since > REVOCATION_MILLISECONDS) this.unknown = { count: 0, since: now };
    this.unknown.count += 1;
    return this.unknown.count <= MOST_UNKNOWN;
  }
}

function keyOf(id: string, { privateKey: jwk, createdAt }: KeyRecord): SigningKey {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return { id, privateKey, publicKey: createPublicKey(privateKey), createdAt: Date.parse(createdAt) };
}

/** RFC 7638. */
export function thumbprintOf(publicKey: KeyObject): string {
  const { crv, kty, x, y, n, e } = publicKey.export({ format: 'jwk' });
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, ...(y !== undefined && { y }) };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
