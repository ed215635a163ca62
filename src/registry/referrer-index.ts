import { LRUCache } from 'lru-cache';
import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { digestOfKey, referrerKey, referrersPrefix } from '../domain/keys.js';
import { parseDescriptor } from '../domain/manifest.js';
import { byCodeUnit } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { mapBounded } from './bounded.js';
import { listAll } from './listing.js';

const CONCURRENT_READS = 16;
const REMEMBERED_DESCRIPTORS = 20_000;

/** Finds the referrers of a subject where the store has no index of them. */
export interface ReferrerScan {
  (name: RepositoryName, subject: Digest): Promise<readonly Descriptor[]>;
}

/** Which manifests of a repository name another as their `subject`: one object a referrer. */
export class ReferrerIndex {
  private readonly descriptors = new LRUCache<string, Descriptor>({ max: REMEMBERED_DESCRIPTORS });

  constructor(
    private readonly driver: StorageDriver,
    /** Whether the manifest is in the repository. */
    private readonly isMember: (name: RepositoryName, digest: Digest) => Promise<boolean>,
    /** Set while another registry writes to the store: then nothing is written and this answers. */
    private readonly scan: ReferrerScan | undefined,
  ) {}

  async put(name: RepositoryName, subject: Digest, referrer: Descriptor): Promise<void> {
    if (this.scan !== undefined) return;
    await this.driver.put(referrerKey(name, subject, referrer.digest), Buffer.from(JSON.stringify(referrer)));
  }

  async delete(name: RepositoryName, subject: Digest, referrer: Digest): Promise<void> {
    await this.driver.delete(referrerKey(name, subject, referrer));
  }

  /** In order of digests; the subject need not exist. */
  async list(name: RepositoryName, subject: Digest): Promise<readonly Descriptor[]> {
    if (this.scan !== undefined) {
      const found = await this.scan(name, subject);
      return [...found].sort((a, b) => byCodeUnit(a.digest.toString(), b.digest.toString()));
    }
    const keys: string[] = [];
    for await (const key of listAll(this.driver, { prefix: referrersPrefix(name, subject) })) keys.push(key);
    const read = await mapBounded(keys, CONCURRENT_READS, (key) =>
      this.read(name, subject, digestOfKey(key)),
    );
    return read.filter((descriptor) => descriptor !== undefined);
  }

  /** Undefined for one that is gone though a listing still shows it. */
  private async read(
    name: RepositoryName,
    subject: Digest,
    referrer: Digest,
  ): Promise<Descriptor | undefined> {
    if (!(await this.isMember(name, referrer))) return undefined;
    const key = referrerKey(name, subject, referrer);
    const known = this.descriptors.get(key);
    if (known !== undefined) return known;
    try {
      const descriptor = parseDescriptor(JSON.parse((await this.driver.read(key)).toString()), key);
      this.descriptors.set(key, descriptor);
      return descriptor;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}
