import { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { MEDIA_TYPE, bareMediaType } from '../domain/media-type.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Locker } from '../ports/locker.js';
import type { Logger } from '../ports/logger.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import { digestOf } from '../registry/digester.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import { validateManifest } from '../registry/manifest-validator.js';
import type { Registry } from '../registry/registry.js';
import type { BlobSizes } from './blob-sizes.js';
import { readBounded } from './upstream/bounded-body.js';
import { isLacking } from './mirror-failure.js';
import type { Remote } from './remote.js';
import { UpstreamError } from './upstream/upstream-error.js';

/** A manifest that has its digest. */
export interface TakenManifest {
  readonly manifest: StoredManifest;
  /** The repository held it before it was asked for. */
  readonly wasHeld: boolean;
  /** Resolves once the repository holds it. @throws StorageError */
  readonly stored: Promise<void>;
}

export interface ManifestFetchesParts {
  readonly registry: Registry;
  readonly locker: Locker;
  readonly sizes: BlobSizes;
  readonly telemetry: MirrorTelemetry;
  readonly log: Logger;
  /** Bytes. */
  readonly maxManifestBytes: number;
  /** Milliseconds that the bytes of a manifest may take. */
  readonly bodyTimeout: number;
}

/** All that a registry may answer; what the client admits is looked at when it is answered. */
const ACCEPT = [
  MEDIA_TYPE.ociIndex,
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.dockerList,
  MEDIA_TYPE.dockerManifest,
  '*/*;q=0.1',
].join(', ');
/** What servers say of anything. */
const NO_TYPE: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/**
 * Takes manifests from upstreams, each once however many of this server ask for it at the same time. Whoever asks has
 * it as soon as it proved to have its digest; it is stored meanwhile.
 */
export class ManifestFetches {
  private readonly running = new Map<string, Promise<TakenManifest>>();

  constructor(private readonly parts: ManifestFetchesParts) {}

  /** What a tag points to there; undefined where the upstream does not tell without giving it. @throws UpstreamError */
  async digestOf(remote: Remote, tag: Tag): Promise<Digest | undefined> {
    const request = {
      method: 'HEAD',
      repository: remote.name,
      path: `manifests/${tag}`,
      accept: ACCEPT,
    } as const;
    const { digest } = await remote.access.ask(request);
    return digest === undefined ? undefined : Digest.parseIfValid(digest);
  }

  /** @throws UpstreamError; StorageError */
  byDigest(name: RepositoryName, digest: Digest, remote: Remote): Promise<TakenManifest> {
    const key = `${name}@${digest.toString()}`;
    const running = this.running.get(key);
    if (running !== undefined) return running;
    const taking = new Promise<TakenManifest>((resolve, reject) => {
      const work = this.parts.locker.alone(`mirror ${key}`, async () => {
        const taken = await this.heldOrTaken(name, remote, digest);
        resolve(taken);
        await taken.stored;
      });
      work.catch(reject).finally(() => this.running.delete(key));
    });
    this.running.set(key, taking);
    return taking;
  }

  /** By tag, for an upstream that does not tell digests. Sets no tag here. @throws UpstreamError; StorageError */
  byTag(name: RepositoryName, tag: Tag, remote: Remote): Promise<TakenManifest> {
    return this.take(name, remote, { kind: 'tag', tag });
  }

  /** Waits for what is being stored. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.running.values()].map((taking) => taking.then(({ stored }) => stored)));
  }

  private async heldOrTaken(name: RepositoryName, remote: Remote, digest: Digest): Promise<TakenManifest> {
    const reference = { kind: 'digest', digest } as const;
    try {
      const manifest = await this.parts.registry.manifests.get(name, reference);
      return { manifest, wasHeld: true, stored: Promise.resolve() };
    } catch (error) {
      if (!isLacking(error)) throw error;
    }
    return this.take(name, remote, reference);
  }

  private async take(name: RepositoryName, remote: Remote, reference: Reference): Promise<TakenManifest> {
    const { maxManifestBytes, bodyTimeout, sizes } = this.parts;
    const target = reference.kind === 'tag' ? reference.tag : reference.digest.toString();
    const what = `what ${remote.upstream.name} gives for ${remote.name} ${target}`;
    const request = {
      method: 'GET',
      repository: remote.name,
      path: `manifests/${target}`,
      accept: ACCEPT,
    } as const;
    const { body, contentType = '' } = await remote.access.ask(request);
    const bytes = await readBounded(body, { limit: maxManifestBytes, timeout: bodyTimeout });
    if (bytes === undefined)
      throw new UpstreamError('unavailable', `${what} breaks off, or is too long for a manifest`);
    const digest = reference.kind === 'tag' ? digestOf(bytes) : reference.digest;
    if (!digestOf(bytes, digest.algorithm).equals(digest))
      throw new UpstreamError('dishonest', `${what} has another digest`);
    const { manifest, mediaType } = validated(bytes, contentType, what);
    sizes.note(name, manifest);
    const stored = this.store(name, remote, { digest, mediaType, bytes });
    stored.catch((error: Error) => {
      const fields = { repository: name, digest: digest.toString(), reason: error.message };
      this.parts.log.warn(fields, 'the mirror could not store a manifest');
    });
    return { manifest: { digest, mediaType, bytes }, wasHeld: false, stored };
  }

  private async store(name: RepositoryName, { upstream }: Remote, manifest: StoredManifest): Promise<void> {
    const { digest, mediaType, bytes } = manifest;
    await this.parts.registry.manifests.put(name, {
      bytes,
      digest,
      contentType: mediaType,
      tags: [],
      sparse: true,
    });
    this.parts.telemetry.mirrorEvent({
      kind: 'fetched',
      upstream: upstream.name,
      object: 'manifest',
      repository: name,
      digest: digest.toString(),
      bytes: bytes.byteLength,
    });
  }
}

/** @throws UpstreamError for what is no manifest */
function validated(bytes: Buffer, contentType: string, what: string): ReturnType<typeof validateManifest> {
  try {
    return validateManifest(bytes, NO_TYPE.has(bareMediaType(contentType)) ? undefined : contentType);
  } catch (error) {
    if (!(error instanceof InvalidValue || error instanceof RegistryError)) throw error;
    throw new UpstreamError('dishonest', `${what} is no manifest: ${error.message}`, { cause: error });
  }
}
