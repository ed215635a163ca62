import type { SigningKeys } from '../auth/signing-keys.js';
import type { Clock } from '../ports/clock.js';

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
  async rotate({ now }: { now: boolean }): Promise<{ created: string; removed: readonly string[] }> {
    const older = await this.keys.all();
    const { id } = await this.keys.create();
    const removed: string[] = [];
    for (const [index, key] of older.entries()) {
      const successor = older[index - 1];
      const isOver = successor !== undefined && successor.createdAt + this.longest < this.clock.now();
      if (!now && !isOver) continue;
      await this.keys.remove(key.id);
      removed.push(key.id);
    }
    return { created: id, removed };
  }

  async list(): Promise<readonly { readonly id: string; readonly createdAt: string }[]> {
    return (await this.keys.all()).map(({ id, createdAt }) => ({
      id,
      createdAt: new Date(createdAt).toISOString(),
    }));
  }
}
