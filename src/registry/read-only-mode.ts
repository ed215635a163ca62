import { settingKey } from '../domain/keys.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import { FreshValues } from '../ports/fresh-values.js';
import type { Invalidations } from '../ports/invalidations.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

const KEY = settingKey('read-only');
const SETTING = 'read-only';
const KNOWN_MILLISECONDS = 5000;

/** Why nothing is changed, and since when. */
export interface ReadOnlyState {
  /** RFC 3339. */
  readonly since: string;
  /** Who wished it. */
  readonly by: string;
  readonly reason?: string;
}

/**
 * Whether the registry is read-only: the store holds an object that says so, or none. A change holds at once in all
 * workers of this server and within 5 seconds on others. A state that cannot be read is an error, never "writable".
 */
export class ReadOnlyMode {
  private readonly states: FreshValues<ReadOnlyState | undefined>;

  constructor(
    private readonly driver: StorageDriver,
    private readonly clock: Clock,
    private readonly invalidations: Invalidations,
  ) {
    const options = { maxAge: KNOWN_MILLISECONDS, entries: 1 };
    this.states = new FreshValues(clock, options, () => this.read());
    invalidations.subscribe(({ kind, key }) => {
      if (kind === 'setting' && key === SETTING) this.states.forget(SETTING);
    });
  }

  /** Undefined where the registry is writable. One request every 5 seconds at most. @throws StorageError */
  state(): Promise<ReadOnlyState | undefined> {
    return this.states.get(SETTING);
  }

  /**
   * Changes that are already under way are not stopped. `reason` is one line, told to whoever is refused. Where it is
   * read-only already the first wish stays: an object that is being overwritten may not be found for a moment.
   */
  async set({ by, reason }: { readonly by: string; readonly reason?: string }): Promise<void> {
    const since = new Date(this.clock.now()).toISOString();
    const state = { since, by, ...(reason !== undefined && reason !== '' && { reason }) };
    await this.change(
      this.driver.put(KEY, Buffer.from(JSON.stringify(state)), { ifAbsent: true }).catch((error: unknown) => {
        if (!isStorageError(error, 'EXISTS')) throw error;
      }),
    );
  }

  async clear(): Promise<void> {
    await this.change(this.driver.delete(KEY));
  }

  /** @throws RegistryError UNSUPPORTED (405) with the reason; StorageError where that is not known */
  async requireWritable(): Promise<void> {
    const state = await this.state();
    if (state === undefined) return;
    const reason = state.reason === undefined ? '' : `: ${state.reason}`;
    throw new RegistryError('UNSUPPORTED', `the registry is read-only${reason}`, {
      status: 405,
      headers: { Allow: 'GET, HEAD' },
    });
  }

  /** Of one that failed nobody knows whether the store has it. */
  private async change(writing: Promise<unknown>): Promise<void> {
    await writing.finally(() => this.states.forget(SETTING));
    await this.invalidations.publish({ kind: 'setting', key: SETTING });
  }

  private async read(): Promise<ReadOnlyState | undefined> {
    try {
      return stateIn(await this.driver.read(KEY, { fresh: true }));
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

/** @throws StorageError UNAVAILABLE */
function stateIn(bytes: Buffer): ReadOnlyState {
  try {
    const { since, by, reason } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    if (typeof since !== 'string' || typeof by !== 'string') throw new Error('it has no since and by');
    return { since, by, ...(typeof reason === 'string' && { reason }) };
  } catch (error) {
    throw new StorageError('UNAVAILABLE', `${KEY} is unreadable: set or clear the read-only mode again`, {
      cause: error,
    });
  }
}
