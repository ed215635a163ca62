import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.js';

/** Longer than listings of a store lag behind its objects: Swift's updaters make up for a lost update every 5 minutes. */
const LAG_MILLISECONDS = 10 * 60_000;
const MOST_GROUPS = 1000;
const MOST_NAMES = 10_000;
/** Of all groups: some 30 MiB. */
const MOST_CHANGES = 200_000;

interface Change {
  readonly present: boolean;
  readonly at: number;
}

/** The names in listed groups that this server added or removed lately: a listing may not show that yet. */
export class RecentChanges {
  /** The names of each group in order of their changes. */
  private readonly groups = new LRUCache<string, Map<string, Change>>({
    max: MOST_GROUPS,
    dispose: ({ size }) => (this.total -= size),
  });
  private total = 0;

  constructor(private readonly clock: Clock) {}

  note(group: string, name: string, { present }: { present: boolean }): void {
    const changes = this.groups.get(group) ?? new Map<string, Change>();
    if (!changes.delete(name)) this.total += 1;
    changes.set(name, { present, at: this.clock.now() });
    this.groups.set(group, changes);
    this.prune(changes);
    while (this.total > MOST_CHANGES && this.groups.size > 1) this.groups.pop();
  }

  /** Somebody else undid the change. */
  forget(group: string, name: string): void {
    if (this.groups.get(group)?.delete(name) === true) this.total -= 1;
  }

  /** Each name with whether its latest change added it. */
  of(group: string): readonly { readonly name: string; readonly present: boolean }[] {
    const changes = this.groups.get(group);
    if (changes === undefined) return [];
    this.prune(changes);
    return [...changes].map(([name, { present }]) => ({ name, present }));
  }

  private prune(changes: Map<string, Change>): void {
    const since = this.clock.now() - LAG_MILLISECONDS;
    for (const [name, { at }] of changes) {
      if (at > since && changes.size <= MOST_NAMES) return;
      changes.delete(name);
      this.total -= 1;
    }
  }
}
