import { SESSION_KEYS_PREFIX, sessionKeyKey } from '../domain/keys.js';
import type { Ids } from '../ports/ids.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

const KEY_BYTES = 32;
const KEY_ID = /^[a-z0-9]{1,64}$/;

export interface SessionKey {
  readonly id: string;
  readonly secret: Buffer;
}

/**
 * The keys that authenticate upload sessions, each an object of the store named by its id, so that any node
 * accepts what another issued. Two nodes that start at once leave two keys, both valid.
 */
export class SessionKeys {
  private readonly known = new Map<string, Buffer>();
  private chosen: Promise<SessionKey> | undefined;

  constructor(
    private readonly driver: StorageDriver,
    private readonly ids: Ids,
  ) {}

  /** The key to issue with; made if the store has none. */
  current(): Promise<SessionKey> {
    this.chosen ??= this.choose().catch((error: unknown) => {
      this.chosen = undefined;
      throw error;
    });
    return this.chosen;
  }

  /** Undefined for an id that no node made. */
  async find(id: string): Promise<Buffer | undefined> {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    if (!KEY_ID.test(id)) return undefined;
    try {
      const secret = await this.driver.read(sessionKeyKey(id), { fresh: true });
      this.known.set(id, secret);
      return secret;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  private async choose(): Promise<SessionKey> {
    const { objects } = await this.driver.list({ prefix: SESSION_KEYS_PREFIX, limit: 1 });
    const listed = objects[0]?.key.slice(SESSION_KEYS_PREFIX.length);
    const secret = listed === undefined ? undefined : await this.find(listed);
    return listed !== undefined && secret !== undefined ? { id: listed, secret } : this.create();
  }

  private async create(): Promise<SessionKey> {
    const key = { id: this.ids.unique(), secret: this.ids.secret(KEY_BYTES) };
    // Nobody else has this name: a put that is made again after a lost answer must not fail.
    await this.driver.put(sessionKeyKey(key.id), key.secret);
    this.known.set(key.id, key.secret);
    return key;
  }
}
