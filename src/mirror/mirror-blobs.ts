import type { Readable } from 'node:stream';
import type { ByteRange } from '../domain/byte-range.js';
import type { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import type { BlobStore } from '../registry/blob-store.js';
import type { ForPush } from '../registry/damaged-blobs.js';
import type { Member } from '../registry/membership.js';
import type { ServedRegistry } from '../registry/registry.js';
import type { BlobFetches } from './blob-fetches.js';
import type { BlobSizes } from './blob-sizes.js';
import type { MissingContent } from './missing-content.js';
import { isLacking, told } from './mirror-failure.js';
import type { Remote, Remotes } from './remote.js';
import { isUpstreamError } from './upstream-error.js';

export interface MirrorBlobsParts {
  readonly inner: BlobStore;
  readonly remotes: Remotes;
  readonly fetches: BlobFetches;
  readonly sizes: BlobSizes;
  readonly missing: MissingContent;
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
    const remote = remotes(name);
    try {
      return await inner.stat(name, digest, options);
    } catch (error) {
      if (remote === undefined || !isLacking(error)) throw error;
    }
    return new Awaited(digest, sizes.of(name, digest) ?? (await this.sizeAt(name, digest, remote)));
  }

  async open(name: RepositoryName, digest: Digest, member: Member, range?: ByteRange): Promise<Readable> {
    const { inner, remotes } = this.parts;
    const remote = remotes(name);
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
    return (await this.take(name, digest, remote, range)).body;
  }

  async openWhole(name: RepositoryName, digest: Digest): Promise<{ member: Member; body: Readable }> {
    const { inner, remotes } = this.parts;
    const remote = remotes(name);
    if (remote === undefined) return inner.openWhole(name, digest);
    try {
      const opened = await inner.openWhole(name, digest);
      this.hit(remote, opened.member.size);
      return opened;
    } catch (error) {
      if (!isLacking(error)) throw error;
    }
    return this.take(name, digest, remote);
  }

  /** Undefined for what is to be taken first. */
  async signedUrl(name: RepositoryName, digest: Digest, expiresAt: Date): Promise<URL | undefined> {
    const remote = this.parts.remotes(name);
    try {
      const url = await this.parts.inner.signedUrl(name, digest, expiresAt);
      if (remote !== undefined && url !== undefined)
        this.hit(remote, (await this.parts.inner.stat(name, digest)).size);
      return url;
    } catch (error) {
      if (remote === undefined || !isLacking(error)) throw error;
      return undefined;
    }
  }

  readonly mount: ServedRegistry['blobs']['mount'] = (...call) => this.parts.inner.mount(...call);
  readonly mountFromAny: ServedRegistry['blobs']['mountFromAny'] = (...call) =>
    this.parts.inner.mountFromAny(...call);
  readonly delete: ServedRegistry['blobs']['delete'] = (...call) => this.parts.inner.delete(...call);

  /** Has a blob stored, and waits for it. @throws as `stat` */
  async store(name: RepositoryName, digest: Digest): Promise<{ size: number; wasStored: boolean }> {
    const { inner, remotes } = this.parts;
    const remote = remotes(name);
    try {
      return { size: (await inner.stat(name, digest)).size, wasStored: true };
    } catch (error) {
      if (remote === undefined || !isLacking(error)) throw error;
    }
    const { fetch } = this.begin(name, digest, remote);
    const { size } = await fetch.done.catch((error: unknown) => this.fail(name, digest, remote, error));
    return { size, wasStored: false };
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
    if (joined) this.hit(remote, size);
    if (taking.kind === 'growing')
      return { member: new Awaited(digest, size), body: taking.blob.read(range) };
    return { member: taking.member, body: await inner.open(name, digest, taking.member, range) };
  }

  private begin(name: RepositoryName, digest: Digest, remote: Remote): ReturnType<BlobFetches['take']> {
    this.requireNotMissing(name, digest);
    const begun = this.parts.fetches.take(name, digest, remote);
    if (!begun.joined)
      this.parts.telemetry.mirrorEvent({ kind: 'miss', upstream: remote.upstream.name, object: 'blob' });
    return begun;
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
