import { LRUCache } from 'lru-cache';
import type { Digest } from '../domain/digest.js';
import { blobDataKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { StorageError, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { BlobStore } from './blob-store.js';
import { Digester, digestOf } from './digester.js';
import type { UploadSession } from './session-id.js';
import type { UploadBody } from './upload-receiver.js';
import type { UploadState } from './upload-steps.js';

const REMEMBERED_DAMAGED = 1000;

/** Makes verified bytes blobs of repositories. Nothing is readable under a digest before it was compared with it. */
export class BlobCommitter {
  private readonly damaged = new LRUCache<string, true>({ max: REMEMBERED_DAMAGED });

  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
  ) {}

  /** A body whose sha256 and length were announced: one PUT at its final name. @throws RegistryError DIGEST_INVALID */
  async putKnown(name: RepositoryName, digest: Digest, body: UploadBody): Promise<void> {
    const size = body.length ?? 0;
    const key = blobDataKey(digest);
    const replace = this.damaged.delete(digest.toString());
    try {
      await this.driver.putVerified(key, body, { digest, size, replace });
    } catch (error) {
      if (body.interrupted) {
        throw new RegistryError('BLOB_UPLOAD_INVALID', 'the request ended before its body was complete');
      }
      if (isStorageError(error, 'MISMATCH'))
        throw new RegistryError('DIGEST_INVALID', undefined, { cause: error });
      if (!isStorageError(error, 'EXISTS')) throw error;
      await this.requireSize(digest, size);
    }
    await this.blobs.link(name, digest, { stored: digest, size });
  }

  /** The bytes of a session, without moving them. @throws RegistryError DIGEST_INVALID */
  async commit(
    name: RepositoryName,
    digest: Digest,
    session: UploadSession,
    state: UploadState,
  ): Promise<void> {
    const stored = state.digests?.sha256 ?? digestOf(new Uint8Array());
    const actual = await this.digestIn(name, digest, session, state);
    if (!actual.equals(digest)) throw new RegistryError('DIGEST_INVALID');
    if (state.end === 0) await this.putEmpty(stored);
    else await this.commitSegments(stored, session, state);
    await this.blobs.link(name, digest, { stored, size: state.end });
  }

  private async commitSegments(stored: Digest, session: UploadSession, state: UploadState): Promise<void> {
    const key = blobDataKey(stored);
    const { segments } = this.driver;
    try {
      await segments.commit(session.set, state.segments, key);
    } catch (error) {
      if (isStorageError(error, 'MISMATCH'))
        throw new RegistryError('BLOB_UPLOAD_UNKNOWN', undefined, { cause: error });
      if (!isStorageError(error, 'EXISTS')) throw error;
      const { size } = await this.driver.stat(key, { fresh: true });
      if (size !== state.end) await segments.commit(session.set, state.segments, key, { replace: true });
    }
  }

  private async putEmpty(stored: Digest): Promise<void> {
    try {
      await this.driver.put(blobDataKey(stored), new Uint8Array(), { ifAbsent: true });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
    }
  }

  /** The session's digest in the algorithm that the client closes with, announced or not. */
  private async digestIn(
    name: RepositoryName,
    digest: Digest,
    session: UploadSession,
    state: UploadState,
  ): Promise<Digest> {
    if (state.end === 0) return digestOf(new Uint8Array(), digest.algorithm);
    const known = state.digests?.[digest.algorithm];
    if (known !== undefined) return known;
    const digester = Digester.start(digest.algorithm);
    try {
      for await (const chunk of this.driver.segments.read(session.set, state.segments))
        digester.update(chunk as Buffer);
    } catch (error) {
      if (!isStorageError(error, 'NOT_FOUND')) throw error;
      // Gone with an earlier commit: when the repository holds those very bytes under the digest, this is its repetition.
      if (await this.holds(name, digest, state)) return digest;
      throw new RegistryError('BLOB_UPLOAD_UNKNOWN', undefined, { cause: error });
    }
    return digester.digests()[digest.algorithm] ?? digester.digests().sha256;
  }

  private async holds(name: RepositoryName, digest: Digest, { digests }: UploadState): Promise<boolean> {
    if (digests === undefined || !(await this.blobs.has(name, digest))) return false;
    return (await this.blobs.stat(name, digest)).stored.equals(digests.sha256);
  }

  /** The next push of a blob of another size replaces it; this one's bytes are gone. */
  private async requireSize(digest: Digest, size: number): Promise<void> {
    const stored = await this.driver.stat(blobDataKey(digest), { fresh: true });
    if (stored.size === size) return;
    this.damaged.set(digest.toString(), true);
    throw new StorageError(
      'UNAVAILABLE',
      `the stored blob ${digest.toString()} has ${stored.size} bytes instead of ${size}`,
    );
  }
}
