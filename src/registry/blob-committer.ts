import type { Digest } from '../domain/digest.js';
import { blobDataKey } from '../domain/keys.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { HeldBody } from '../ports/held-body.js';
import { StorageError, StoredOtherwise, isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { BlobStore } from './blob-store.js';
import type { DamagedBlobs } from './damaged-blobs.js';
import { Digester, digestOf } from './digester.js';
import type { UploadSession } from './session-id.js';
import type { Member } from './membership.js';
import { bytesOf, cutOff } from './session-states.js';
import type { UploadBody } from './upload-receiver.js';
import type { UploadState } from './upload-steps.js';

interface Placement {
  /** @throws StorageError EXISTS, unless it is to replace what is there */
  readonly write: (options: { replace: boolean }) => Promise<unknown>;
  /** What is there turned out to be damaged. */
  readonly rewrite: () => Promise<unknown>;
}

/** Makes verified bytes blobs of repositories. Nothing is readable under a digest before it was compared with it. */
export class BlobCommitter {
  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
    private readonly damaged: DamagedBlobs,
  ) {}

  /** A body whose sha256 and length were announced: one PUT at its final name. @throws RegistryError DIGEST_INVALID */
  async putKnown(name: RepositoryName, digest: Digest, body: UploadBody): Promise<void> {
    const size = body.length ?? 0;
    if (size <= this.driver.limits.inlineBytes) return this.putHeld(name, digest, size, body);
    await this.place(digest, size, {
      write: ({ replace }) => this.putVerified(digest, size, body, replace),
      rewrite: () => this.markForNextPush(digest),
    });
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
    await this.linkWhilePlacing(
      name,
      digest,
      { stored, size: state.end },
      this.writerOf(stored, session, state),
    );
  }

  /** Links a blob that the store holds undamaged, as of now; answers whether it does. Its bytes are the caller's. */
  async linkStored(name: RepositoryName, digest: Digest, member: Member): Promise<boolean> {
    if (!(await this.damaged.isWhole(member.stored, member.size))) return false;
    await this.blobs.link(name, digest, member);
    return true;
  }

  private async putHeld(name: RepositoryName, digest: Digest, size: number, body: UploadBody): Promise<void> {
    const held = new HeldBody(body[Symbol.asyncIterator]());
    await held.fill(size + 1);
    if (body.interrupted) throw cutOff();
    const bytes = held.concat();
    if (bytes.byteLength !== size || !digestOf(bytes).equals(digest))
      throw new RegistryError('DIGEST_INVALID');
    await this.linkWhilePlacing(name, digest, { stored: digest, size }, this.bytesWriter(digest, bytes));
  }

  private async linkWhilePlacing(
    name: RepositoryName,
    digest: Digest,
    member: Member,
    write: Placement['write'],
  ): Promise<void> {
    const placement = { write, rewrite: () => write({ replace: true }) };
    await this.blobs.link(name, digest, member, this.place(member.stored, member.size, placement));
  }

  /** Writes under the digest what has it. Bytes that are there already stay, unless they are damaged. */
  private async place(stored: Digest, size: number, { write, rewrite }: Placement): Promise<void> {
    let replace = await this.damaged.has(stored);
    try {
      await write({ replace });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      if (await this.damaged.isWhole(stored, size)) return;
      await rewrite();
      replace = true;
    }
    if (replace) await this.damaged.repaired(stored, size);
  }

  private async putVerified(digest: Digest, size: number, body: UploadBody, replace: boolean): Promise<void> {
    try {
      await this.driver.putVerified(blobDataKey(digest), body, { digest, size, replace });
    } catch (error) {
      if (error instanceof StoredOtherwise) await this.damaged.mark(digest);
      if (body.interrupted) throw cutOff();
      if (isStorageError(error, 'MISMATCH'))
        throw new RegistryError('DIGEST_INVALID', undefined, { cause: error });
      throw error;
    }
  }

  /** The bytes of this push are gone by now. */
  private async markForNextPush(digest: Digest): Promise<never> {
    await this.damaged.mark(digest);
    throw new StorageError(
      'UNAVAILABLE',
      `the stored blob ${digest.toString()} is damaged; the next push replaces it`,
    );
  }

  private writerOf(stored: Digest, session: UploadSession, state: UploadState): Placement['write'] {
    if (state.end === 0) return this.bytesWriter(stored, new Uint8Array());
    return state.inline === undefined
      ? this.segmentsWriter(stored, session, state)
      : this.bytesWriter(stored, state.inline.bytes);
  }

  private bytesWriter(stored: Digest, bytes: Uint8Array): Placement['write'] {
    return ({ replace }) => this.driver.put(blobDataKey(stored), bytes, { ifAbsent: !replace });
  }

  private segmentsWriter(stored: Digest, session: UploadSession, state: UploadState): Placement['write'] {
    return async ({ replace }) => {
      try {
        await this.driver.segments.commit(session.set, state.segments, blobDataKey(stored), { replace });
      } catch (error) {
        if (isStorageError(error, 'MISMATCH'))
          throw new RegistryError('BLOB_UPLOAD_UNKNOWN', undefined, { cause: error });
        throw error;
      }
    };
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
      for await (const chunk of bytesOf(this.driver, session, state)) digester.update(chunk);
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
}
