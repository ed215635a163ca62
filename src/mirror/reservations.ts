import { MIRROR_UPSTREAMS_PREFIX, REPOSITORIES_PREFIX, mirrorUpstreamKey } from '../domain/keys.js';
import { RegistryError } from '../errors/registry-error.js';
import { surely, undefinedIfAbsent } from '../ports/absence.js';
import { listAll } from '../ports/listing.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { prefixOf } from './namespaces.js';

/**
 * Which parts of `mirror/` belong to upstreams, for good: an object of the store says so, whatever a server is
 * configured to mirror. So nothing that somebody pushed is ever taken for an upstream's, nor removed as such.
 */
export class Reservations {
  /** Claims are never given up; that there is none is asked each time. */
  private readonly claimed = new Set<string>();

  constructor(private readonly driver: StorageDriver) {}

  /** @throws RegistryError UNSUPPORTED (405) for a repository that is taken from its upstream; StorageError */
  async requireOwn(name: string): Promise<void> {
    const [, upstream] = /^mirror\/([^/]+)\/./.exec(name) ?? [];
    if (upstream === undefined || !(await this.isClaimed(upstream))) return;
    throw new RegistryError(
      'UNSUPPORTED',
      `${name} is taken from its upstream: what lies below mirror/${upstream}/ is neither pushed nor deleted here`,
    );
  }

  /** All that are claimed, by the upstreams' names. */
  async list(): Promise<readonly string[]> {
    const upstreams: string[] = [];
    for await (const key of listAll(this.driver, { prefix: MIRROR_UPSTREAMS_PREFIX }))
      upstreams.push(key.slice(MIRROR_UPSTREAMS_PREFIX.length));
    return upstreams;
  }

  /**
   * Claims `mirror/<upstream>/`; again and again changes nothing.
   * @throws RegistryError UNAVAILABLE where something was pushed there before; StorageError
   */
  async claim(upstream: string): Promise<void> {
    if (await this.isClaimed(upstream)) return;
    const prefix = `${REPOSITORIES_PREFIX}${prefixOf(upstream)}`;
    const { objects } = await this.driver.list({ prefix, limit: 1 });
    if (objects.length > 0) {
      throw new RegistryError(
        'UNAVAILABLE',
        `mirror/${upstream}/ holds what was pushed there, and no mirror takes its place: give the upstream another name (mirror.upstreams), or remove those repositories`,
      );
    }
    await this.driver.put(mirrorUpstreamKey(upstream), new Uint8Array());
    this.claimed.add(upstream);
  }

  private async isClaimed(upstream: string): Promise<boolean> {
    if (this.claimed.has(upstream)) return true;
    const stat = surely((options) => this.driver.stat(mirrorUpstreamKey(upstream), options));
    if ((await stat.catch(undefinedIfAbsent)) === undefined) return false;
    this.claimed.add(upstream);
    return true;
  }
}
