import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Digest } from '../../domain/digest.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import { StorageError } from '../../ports/storage-driver.js';
import { BlobFetch } from './blob-fetch.js';
import type { FetchParts } from './fetch-parts.js';
import type { Remote } from '../remote.js';

/** How long what is being taken may go on when the server stops. */
const CLOSING_MILLISECONDS = 5000;

/** Takes each blob once, however many ask for it at the same time. */
export class BlobFetches {
  private readonly running = new Map<string, BlobFetch>();
  private readonly aborter = new AbortController();

  constructor(private readonly parts: FetchParts) {
    setMaxListeners(0, this.aborter.signal); // one a blob
  }

  /** Answers the one that takes the blob, and whether somebody asked for it before. `size` as a manifest says. */
  take(
    name: RepositoryName,
    digest: Digest,
    remote: Remote,
    size?: number,
  ): { fetch: BlobFetch; joined: boolean } {
    const key = `${name}@${digest.toString()}`;
    const running = this.running.get(key);
    if (running?.hasFailed === false) return { fetch: running, joined: true };
    const fetch = new BlobFetch(this.parts, name, digest, remote, this.aborter.signal, size);
    this.running.set(key, fetch);
    const over = (): void => {
      if (this.running.get(key) === fetch) this.running.delete(key);
    };
    fetch.done.then(over, (error: Error) => {
      over();
      this.parts.log.debug(
        { repository: name, digest: digest.toString(), reason: error.message },
        'the mirror did not get a blob',
      );
    });
    return { fetch, joined: false };
  }

  /** Waits a moment for what is being taken, then gives it up; what it left in the store is the purge's. */
  async close(): Promise<void> {
    const all = [...this.running.values()].map(({ done }) => done);
    const limit = delay(CLOSING_MILLISECONDS, undefined, { ref: false });
    await Promise.race([Promise.allSettled(all), limit]);
    this.aborter.abort(new StorageError('UNAVAILABLE', 'the server stops'));
    await Promise.allSettled(all);
  }
}
