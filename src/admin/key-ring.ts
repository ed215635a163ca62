import type { SigningKey, SigningKeys } from '../auth/signing-keys.js';
import type { Clock } from '../ports/clock.js';

export interface KeyInfo {
  readonly id: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Whether it signs now; the others only verify. */
  readonly signs: boolean;
  /** RFC 3339: when a rotation may remove it. */
  readonly neededUntil?: string;
}

export interface Rotation {
  readonly created: string;
  readonly removed: readonly string[];
}

/** How much longer another node may sign with a key that has a successor: it lists them each minute, by its own clock. */
const SETTLING_MILLISECONDS = 2 * 60_000;

/** Ends keys and makes others. */
export class KeyRing {
  constructor(
    private readonly keys: SigningKeys,
    private readonly clock: Clock,
    /** Milliseconds that anything signed may be good for. */
    private readonly longest: number,
  ) {}

  /**
   * From now on a new key signs. Older ones still verify until nothing that they signed can be good any more, then the
   * next rotation removes them; `now` removes them at once, and with them every login.
   */
  async rotate({ now }: { now: boolean }): Promise<Rotation> {
    const older = await this.keys.all();
    const { id } = await this.keys.create();
    const removed: string[] = [];
    for (const [index, key] of older.entries()) {
      // The newest of them signed until this moment.
      if (!now && !this.isOver(older[index - 1])) continue;
      await this.keys.remove(key.id);
      removed.push(key.id);
    }
    return { created: id, removed };
  }

  /** The newest first. */
  async list(): Promise<readonly KeyInfo[]> {
    const keys = await this.keys.all();
    return keys.map(({ id, createdAt }, index) => {
      const successor = keys[index - 1];
      return {
        id,
        createdAt: new Date(createdAt).toISOString(),
        signs: successor === undefined,
        ...(successor && { neededUntil: new Date(this.endAfter(successor)).toISOString() }),
      };
    });
  }

  private isOver(successor: SigningKey | undefined): boolean {
    return successor !== undefined && this.endAfter(successor) < this.clock.now();
  }

  /** When the last of what the predecessor of this key signed ends. */
  private endAfter({ createdAt }: SigningKey): number {
    return createdAt + SETTLING_MILLISECONDS + this.longest;
  }
}
