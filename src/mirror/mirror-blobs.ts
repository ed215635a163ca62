import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import type { BlobStore } from '../registry/blob-store.js';
import type { DamagedBlobs, ForPush } from '../registry/damaged-blobs.js';
import type { Member } from '../registry/membership.js';
import type { ServedRegistry } from '../registry/registry.js';
import type { BlobFetches } from './fetch/blob-fetches.js';
import type { BlobSizes } from './blob-sizes.js';
import type { MissingContent } from './missing-content.js';
import { isLacking, told } from './mirror-failure.js';
import { isMirrored } from './namespaces.js';
import type { Remote, Remotes } from './remote.js';
import { UpstreamError, isUpstreamError } from './upstream/upstream-error.js';

export interface MirrorBlobsParts {
  readonly inner: BlobStore;
  readonly remotes: Remotes;
  readonly fetches: BlobFetches;
  readonly sizes: BlobSizes;
  readonly missing: MissingContent;
  readonly damaged: Pick<DamagedBlobs, 'has'>;
  readonly telemetry: MirrorTelemetry;
}

/** Of a blob that the repository does not hold yet: what else there is under its digest is not its own. */
class Awaited implements Member {
  constructor(
    readonly stored: Digest,
    readonly size: number,
  ) {}
}

/** Blobs, those of the mirror taken from their upstreams as they are read. */
export class MirrorBlobs {
  constructor(private readonly parts: MirrorBlobsParts) {}

  /** Takes nothing. @throws RegistryError BLOB_UNKNOWN; DENIED, TOOMANYREQUESTS, UNAVAILABLE of an upstream */
  async stat(name: RepositoryName, digest: Digest, options: ForPush = {}): Promise<Member> {
    const { inner, remotes, sizes } = this.parts;
    const remote = await remotes(name);
    try {
      return await inner.stat(name, digest, remote === undefined ? options : { forPush: true });
    } catch (error) {
      if (remote === undefined || !isLacking(error)) throw error;
    }
    return new Awaited(digest, sizes.of(name, digest) ?? (await this.sizeAt(name, digest, remote)));
  }

  async open(name: RepositoryName, digest: Digest, member: Member, range?: ByteRange): Promise<Readable> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
    if (remote === undefined) return inner.open(name, digest, member, range);
    if (!(member instanceof Awaited)) {
      try {
        const body = await inner.open(name, digest, member, range);
        this.hit(remote, range === undefined ? member.size : range.end - range.start + 1);
        return body;
      } catch (error) {
        if (!isLacking(error)) throw error;
      }
    }
    const { member: taken, body } = await this.take(name, digest, remote, range);
    if (taken.size === member.size) return body;
    body.destroy();
    throw told(otherSize(remote, digest), remote, 'BLOB_UNKNOWN');
  }

  async openWhole(name: RepositoryName, digest: Digest): Promise<{ member: Member; body: Readable }> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
    if (remote === undefined) return inner.openWhole(name, digest);
    if (this.parts.sizes.isNew(name, digest)) return this.take(name, digest, remote);
    try {
      const opened = await inner.openWhole(name, digest);
      if (!(await this.isDamaged(opened))) {
        this.hit(remote, opened.member.size);
        return opened;
      }
    } catch (error) {
      if (!isLacking(error)) throw error;
    }
    return this.take(name, digest, remote);
  }

  /** Undefined for what is to be taken first. */
  async signedUrl(name: RepositoryName, digest: Digest, expiresAt: Date): Promise<URL | undefined> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
    if (remote === undefined) return inner.signedUrl(name, digest, expiresAt);
    try {
      const { size } = await inner.stat(name, digest, { forPush: true });
      const url = await inner.signedUrl(name, digest, expiresAt);
      if (url !== undefined) this.hit(remote, size);
      return url;
    } catch (error) {
      if (!isLacking(error)) throw error;
      return undefined;
    }
  }

  /** Of what is held; never from a repository that is not offered. */
  async mount(name: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    return (await this.isOffered(from)) && this.parts.inner.mount(name, digest, from);
  }

  /** Never from the mirror: which of its repositories is not told. */
  mountFromAny(
    name: RepositoryName,
    digest: Digest,
    mayPull: (name: RepositoryName) => boolean,
  ): Promise<boolean> {
    return this.parts.inner.mountFromAny(name, digest, (from) => !isMirrored(from) && mayPull(from));
  }

  readonly delete: ServedRegistry['blobs']['delete'] = (...call) => this.parts.inner.delete(...call);

  /** Has a blob stored, and waits for it. @throws as `stat` */
  async store(name: RepositoryName, digest: Digest): Promise<{ size: number; wasStored: boolean }> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
    try {
      return { size: (await inner.stat(name, digest, { forPush: true })).size, wasStored: true };
    } catch (error) {
      if (remote === undefined || !isLacking(error)) throw error;
    }
    const { fetch } = this.begin(name, digest, remote);
    const { size } = await fetch.done.catch((error: unknown) => this.fail(name, digest, remote, error));
    return { size, wasStored: false };
  }

  /** Nobody may push it anew: it is taken once more. */
  private async isDamaged({ member, body }: { member: Member; body: Readable }): Promise<boolean> {
    if (!(await this.parts.damaged.has(member.stored))) return false;
    body.destroy();
    return true;
  }

  private async isOffered(name: RepositoryName): Promise<boolean> {
    try {
      await this.parts.remotes(name);
      return true;
    } catch (error) {
      if (error instanceof RegistryError) return false;
      throw error;
    }
  }

  private async take(
    name: RepositoryName,
    digest: Digest,
    remote: Remote,
    range?: ByteRange,
  ): Promise<{ member: Member; body: Readable }> {
    const { inner } = this.parts;
    const { fetch, joined } = this.begin(name, digest, remote);
    const taking = await fetch.started.catch((error: unknown) => this.fail(name, digest, remote, error));
    const size = taking.kind === 'stored' ? taking.member.size : taking.blob.size;
    if (joined || !fetch.missed) this.hit(remote, size);
    if (taking.kind === 'growing')
      return { member: new Awaited(digest, size), body: taking.blob.read(range) };
    return { member: taking.member, body: await inner.open(name, digest, taking.member, range) };
  }

  private begin(name: RepositoryName, digest: Digest, remote: Remote): ReturnType<BlobFetches['take']> {
    this.requireNotMissing(name, digest);
    const { fetches, sizes } = this.parts;
    return fetches.take(name, digest, remote, sizes.of(name, digest));
  }

  private async sizeAt(name: RepositoryName, digest: Digest, remote: Remote): Promise<number> {
    this.requireNotMissing(name, digest);
    const path = `blobs/${digest.toString()}`;
    const asked = remote.access.ask({ method: 'HEAD', repository: remote.name, path });
    const { length } = await asked.catch((error: unknown) => this.fail(name, digest, remote, error));
    if (length !== undefined) return length;
    return (await this.store(name, digest)).size;
  }

  private requireNotMissing(name: RepositoryName, digest: Digest): void {
    if (this.parts.missing.has(name, digest.toString())) throw new RegistryError('BLOB_UNKNOWN');
  }

  private fail(name: RepositoryName, digest: Digest, remote: Remote, error: unknown): never {
    if (isUpstreamError(error, 'absent')) this.parts.missing.note(name, digest.toString());
    throw told(error, remote, 'BLOB_UNKNOWN');
  }

  private hit({ upstream }: Remote, bytes: number): void {
    this.parts.telemetry.mirrorEvent({ kind: 'hit', upstream: upstream.name, object: 'blob', bytes });
  }
}

function otherSize({ upstream }: Remote, digest: Digest): UpstreamError {
  return new UpstreamError(
    'dishonest',
    `${upstream.name} told another size of ${digest.toString()} than it has`,
  );
}
