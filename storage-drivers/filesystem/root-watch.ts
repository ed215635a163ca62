import fs from 'node:fs';
import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';

/**
 * Notices that the root directory, once seen, is gone or another one, as when its volume is unmounted: what is
 * not found then is not absent, and nothing may be written in its place.
 */
export class RootWatch {
  private identity: string | undefined;

  /** Sees the root if it is there; else the first `check` that finds it does. */
  constructor(private readonly root: string) {
    this.check();
  }

  /** @throws StorageError UNAVAILABLE */
  check(): void {
    const stats = fs.statSync(this.root, { throwIfNoEntry: false });
    const now = stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
    this.identity ??= now;
    if (now === this.identity) return;
    throw new StorageError(
      'UNAVAILABLE',
      `filesystem: the root ${this.root} is gone or was replaced; check that its volume is mounted, then restart`,
    );
  }

  /** For `catch`: the error again, unless it says NOT_FOUND only because the root is gone. */
  readonly confirm = (error: unknown): never => {
    if (isStorageError(error, 'NOT_FOUND')) this.check();
    throw error;
  };
}
