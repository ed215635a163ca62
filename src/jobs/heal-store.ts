import type { Key } from '../domain/keys.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { DamagedBlobs } from '../registry/damaged-blobs.js';
import { legacyUploads } from './legacy-uploads.js';
import { NOTHING, NO_BLOBS, eachBlob, inspectBlob, plus } from './stored-blobs.js';
import type { Amount, BlobForms, StoredBlob } from './stored-blobs.js';

export interface HealFailure {
  readonly digest: string;
  readonly reason: string;
}

export interface HealReport {
  /** As they were found. */
  readonly blobs: BlobForms;
  /** Legacy blobs that were converted; with `dryRun` those that could be. */
  readonly healed: Amount;
  /** Uploads of the other registry that were removed, because they shared the segments of a blob. */
  readonly uploads: number;
  /** Blobs that were left as they were. */
  readonly failures: readonly HealFailure[];
  readonly dryRun: boolean;
}

export interface HealOptions {
  /** Reads and checks every legacy blob and changes nothing. */
  readonly dryRun: boolean;
  /** Told after each blob. */
  readonly onProgress?: (report: HealReport) => void;
  /** Told of each blob that is left as it was. */
  readonly onFailure?: (failure: HealFailure) => void;
}

/**
 * Converts the blobs that another registry stored in a form of its own, once all their bytes were read and found
 * right; serving goes on, the other registry must have stopped. A blob that is not right is marked as damaged, so that
 * the next push replaces it; no failure of one blob keeps the others. A heal that was interrupted is repeated: what is
 * converted is not read again. @throws StorageError where the store does not tell what there is
 */
export async function healStore(
  driver: StorageDriver,
  damaged: Pick<DamagedBlobs, 'mark'>,
  options: HealOptions,
): Promise<HealReport> {
  const { legacy } = driver;
  const uploads = legacy === undefined ? new Map<string, Key[]>() : await legacyUploads(driver, legacy);
  const heal = new Heal(driver, damaged, uploads, options);
  await eachBlob(driver, (blob) => heal.add(blob));
  return heal.report();
}

class Heal {
  private readonly blobs = { ...NO_BLOBS };
  private readonly failures: HealFailure[] = [];
  private healed = NOTHING;
  private removed = 0;

  constructor(
    private readonly driver: StorageDriver,
    private readonly damaged: Pick<DamagedBlobs, 'mark'>,
    private readonly uploads: ReadonlyMap<string, readonly Key[]>,
    private readonly options: HealOptions,
  ) {}

  report(): HealReport {
    const { blobs, healed, removed, failures } = this;
    const { dryRun } = this.options;
    return { blobs: { ...blobs }, healed, uploads: removed, failures, dryRun };
  }

  async add(blob: StoredBlob): Promise<void> {
    try {
      await this.convert(blob);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      const failure = { digest: blob.digest.toString(), reason: error.message };
      this.failures.push(failure);
      this.options.onFailure?.(failure);
    }
    this.options.onProgress?.(this.report());
  }

  private async convert(blob: StoredBlob): Promise<void> {
    const { legacy } = this.driver;
    const facts = await inspectBlob(this.driver, blob);
    if (facts === undefined) return;
    this.blobs[facts.form] = plus(this.blobs[facts.form], facts.size);
    if (legacy === undefined || facts.segments === undefined) return;
    try {
      const sound = await legacy.verify(blob.key, blob.digest);
      const sharing = this.uploads.get(facts.segments) ?? [];
      if (!this.options.dryRun) {
        // First, for a deletion of one of them would take the converted blob's segments.
        for (const upload of sharing) await this.driver.delete(upload);
        await sound.convert();
      }
      this.removed += sharing.length;
      this.healed = plus(this.healed, facts.size);
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return;
      if (isStorageError(error, 'MISMATCH') && !this.options.dryRun) await this.damaged.mark(blob.digest);
      throw error;
    }
  }
}
