import { LRUCache } from 'lru-cache';
import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { digestOfKey, referrerKey, referrersPrefix } from '../domain/keys.js';
import { parseDescriptor } from '../domain/manifest.js';
import { byCodeUnit } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { listAll } from '../ports/listing.js';

const READ_TOGETHER = 8;
const REMEMBERED_BYTES = 8 * 1024 * 1024;

/** Finds the referrers of a subject where the store has no index of them. */
export interface ReferrerScan {
  (name: RepositoryName, subject: Digest): Promise<readonly Descriptor[]>;
}

/** Which manifests of a repository name another as their `subject`: one object a referrer. */
export class ReferrerIndex {
  private readonly descriptors = new LRUCache<string, { descriptor: Descriptor; bytes: number }>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ bytes }) => bytes + 500,
  });

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

  /** In order of digests, from the one after `last`; read as they are taken. The subject need not exist. */
  async *list(name: RepositoryName, subject: Digest, last = ''): AsyncGenerator<Descriptor> {
    if (this.scan !== undefined) {
      const found = [...(await this.scan(name, subject))].filter(({ digest }) => digest.toString() > last);
      yield* found.sort((a, b) => byCodeUnit(a.digest.toString(), b.digest.toString()));
      return;
    }
    const digests: Digest[] = [];
    for await (const key of listAll(this.driver, { prefix: referrersPrefix(name, subject) })) {
      const digest = digestOfKey(key);
      if (digest.toString() > last) digests.push(digest);
    }
    for (let from = 0; from < digests.length; from += READ_TOGETHER) {
      const batch = digests.slice(from, from + READ_TOGETHER);
      const read = await Promise.all(batch.map((digest) => this.read(name, subject, digest)));
      yield* read.filter((descriptor) => descriptor !== undefined);
    }
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
    if (known !== undefined) return known.descriptor;
    try {
      const bytes = await this.driver.read(key);
      const descriptor = parseDescriptor(JSON.parse(bytes.toString()), key);
      this.descriptors.set(key, { descriptor, bytes: bytes.byteLength });
      return descriptor;
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}
