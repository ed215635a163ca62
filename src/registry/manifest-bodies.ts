import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { blobDataKey } from '../domain/keys.js';
import { DamagedContent, RegistryError } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { surely } from '../ports/absence.js';
import type { BlobExaminations } from './blob-examinations.js';
import type { DamagedBlobs } from './damaged-blobs.js';
import { digestOf } from './digester.js';

/** The bytes of manifests, which never change under their sha256 and so are remembered. */
export class ManifestBodies {
  private readonly remembered: LRUCache<string, Buffer>;

  constructor(
    private readonly driver: StorageDriver,
    private readonly damaged: DamagedBlobs,
    private readonly examinations: BlobExaminations,
    /** Bytes held in memory. */
    cacheBytes: number,
  ) {
    this.remembered = new LRUCache({
      maxSize: Math.max(1, cacheBytes),
      sizeCalculation: (bytes) => bytes.byteLength + 200,
    });
  }

  /** @throws RegistryError MANIFEST_UNKNOWN; DamagedContent */
  async get(stored: Digest): Promise<Buffer> {
    const known = this.remembered.get(stored.hex);
    if (known !== undefined) return known;
    const bytes = await this.read(stored);
    if (!digestOf(bytes).equals(stored)) {
      // Where it cannot be marked now, the next read marks it.
      await this.damaged.mark(stored).catch(() => undefined);
      throw new DamagedContent(stored);
    }
    this.remembered.set(stored.hex, bytes);
    return bytes;
  }

  /** Bytes that are there already stay, unless they are not these. */
  async put(stored: Digest, bytes: Buffer): Promise<void> {
    if (await this.damaged.has(stored)) await this.replace(stored, bytes);
    else if (!(await this.putAbsent(stored, bytes)) && !(await this.isHeld(stored, bytes)))
      await this.replace(stored, bytes);
    this.remembered.set(stored.hex, bytes);
  }

  private async read(stored: Digest): Promise<Buffer> {
    try {
      return await surely((options) => this.driver.read(blobDataKey(stored), options));
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) throw unknownManifest(stored);
      if (isStorageError(error, 'MISMATCH')) throw await this.examinations.refusalOf(stored, error);
      throw error;
    }
  }

  private async replace(stored: Digest, bytes: Buffer): Promise<void> {
    await this.driver.put(blobDataKey(stored), bytes);
    await this.damaged.repaired(stored, bytes.byteLength);
  }

  /** Answers whether the object was not there before. */
  private async putAbsent(stored: Digest, bytes: Buffer): Promise<boolean> {
    try {
      await this.driver.put(blobDataKey(stored), bytes, { ifAbsent: true });
      return true;
    } catch (error) {
      if (isStorageError(error, 'EXISTS')) return false;
      throw error;
    }
  }

  private async isHeld(stored: Digest, bytes: Buffer): Promise<boolean> {
    if (this.remembered.has(stored.hex)) return true;
    try {
      return (await this.driver.read(blobDataKey(stored), { fresh: true })).equals(bytes);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND', 'MISMATCH')) return false;
      throw error;
    }
  }
}

export function unknownManifest(digest: Digest): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', undefined, { detail: { digest: digest.toString() } });
}
