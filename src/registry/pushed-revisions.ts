import { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import type { Invalidations } from '../ports/invalidations.js';
import { RecentChanges } from './recent-changes.js';

/**
 * The revisions that were pushed lately by way of this server: a listing may not show them yet. All of this worker; of
 * the others those that were pushed without a tag, for a tag tells of its manifest by itself. Some may be gone by now.
 */
export class PushedRevisions {
  private readonly recent: RecentChanges;

  constructor(
    clock: Clock,
    private readonly invalidations: Invalidations,
  ) {
    this.recent = new RecentChanges(clock);
    invalidations.subscribe(({ kind, key }) => {
      if (kind !== 'revision-set') return;
      const at = key.indexOf('@');
      this.recent.note(key.slice(0, at), key.slice(at + 1), { present: true });
    });
  }

  /** After its link was written, before the push looks whether anything was deleted meanwhile. */
  async note(name: RepositoryName, digest: Digest, { isTagged }: { isTagged: boolean }): Promise<void> {
    this.recent.note(name, digest.toString(), { present: true });
    if (!isTagged)
      await this.invalidations.publish({ kind: 'revision-set', key: `${name}@${digest.toString()}` });
  }

  /** Before its link is deleted: a push that writes it again beside that is remembered. */
  forget(name: RepositoryName, digest: Digest): void {
    this.recent.forget(name, digest.toString());
  }

  of(name: RepositoryName): readonly Digest[] {
    return this.recent.of(name).map(({ name: text }) => Digest.parse(text));
  }
}
