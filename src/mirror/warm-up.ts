import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import { MEDIA_TYPE, isNonDistributable } from '../domain/media-type.js';
import { isNowhere, isWished, platformsIn } from '../domain/platform.js';
import type { Platform, WishedPlatform } from '../domain/platform.js';
import type { Reference } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { mapBounded } from '../registry/bounded.js';
import type { Mirror } from './mirror.js';
import type { MirroredImage } from './mirrored-image.js';

/** Blobs that are taken at once. */
const LANES = 4;
const MOST_DEPTH = 8;
const MOST_DIGESTS = 10_000;
const MANIFESTS: readonly string[] = Object.values(MEDIA_TYPE);
const INDEXES: readonly string[] = [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerList];

/** What a warm-up took, or found taken. */
export interface WarmUpReport {
  /** As `MirroredImage` has it. */
  readonly image: string;
  readonly digest: string;
  /** The image's own with those below it. */
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes of the blobs. */
  readonly bytes: number;
  /** Of the blobs. */
  readonly fetched: number;
  readonly alreadyStored: number;
}

/** How far a warm-up is; it changes as it goes on. */
export interface WarmUpProgress {
  takenBytes: number;
  /** Known once all manifests are. */
  totalBytes?: number;
}

export type WarmedMirror = Pick<Mirror, 'registry' | 'take' | 'settled'>;

/**
 * Has an image stored: its manifest, of an index those for the platforms (without any: for all), their configurations
 * and layers, each digest once. Attestations and layers that lie elsewhere are left out.
 * @throws RegistryError as pulling it; MANIFEST_UNKNOWN where an index has none for the platforms; the signal's reason
 */
export async function warmImage(
  mirror: WarmedMirror,
  image: MirroredImage,
  platforms: readonly WishedPlatform[],
  signal: AbortSignal,
  progress: WarmUpProgress = { takenBytes: 0 },
): Promise<WarmUpReport> {
  const warmUp = new WarmUp(mirror, image, platforms, signal);
  const digest = await warmUp.read(image.reference);
  const blobs = [...warmUp.blobs.values()];
  progress.totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const taken = await takeAll(mirror, image.name, blobs, signal, progress);
  await mirror.settled();
  const fetched = taken.filter(({ wasStored }) => !wasStored).length;
  return {
    image: image.text,
    digest: digest.toString(),
    manifests: warmUp.manifests.size,
    blobs: blobs.length,
    bytes: taken.reduce((sum, { size }) => sum + size, 0),
    fetched,
    alreadyStored: blobs.length - fetched,
  };
}

/** What an image is made of. */
class WarmUp {
  readonly manifests = new Set<string>();
  readonly blobs = new Map<string, Descriptor>();

  constructor(
    private readonly mirror: Pick<Mirror, 'registry'>,
    private readonly image: MirroredImage,
    private readonly platforms: readonly WishedPlatform[],
    private readonly signal: AbortSignal,
  ) {}

  /** The manifest with all below it. */
  async read(reference: Reference, depth = 0): Promise<Digest> {
    this.signal.throwIfAborted();
    if (depth > MOST_DEPTH) throw this.tooLarge(`manifests of more than ${MOST_DEPTH} levels`);
    const stored = await this.mirror.registry.manifests.get(this.image.name, reference);
    this.manifests.add(stored.digest.toString());
    const manifest = parseManifest(stored.bytes);
    for (const layer of manifest.config === undefined
      ? manifest.layers
      : [manifest.config, ...manifest.layers])
      this.note(layer);
    for (const child of this.childrenOf(manifest, stored.bytes)) {
      if (!isManifest(child)) this.note(child);
      else if (!this.manifests.has(child.digest.toString()))
        await this.read({ kind: 'digest', digest: child.digest }, depth + 1);
      this.requireFew();
    }
    return stored.digest;
  }

  private childrenOf({ manifests }: Manifest, bytes: Buffer): readonly Descriptor[] {
    if (manifests.length === 0) return [];
    const platforms = platformsIn(bytes);
    const chosen = manifests.filter((child, at) => this.isChosen(child, platforms[at]));
    if (chosen.length > 0) return chosen;
    const wished = this.platforms.map(platformText).join(', ');
    throw new RegistryError(
      'MANIFEST_UNKNOWN',
      `${this.image.text} is not made for ${wished === '' ? 'any platform' : wished}: give a platform that it has`,
    );
  }

  private isChosen({ mediaType }: Descriptor, platform: Platform | undefined): boolean {
    // A child that does not tell its platform may be for any, as an index in an index is.
    if (platform?.os === undefined) return true;
    if (isNowhere(platform)) return false;
    if (this.platforms.length === 0) return true;
    return INDEXES.includes(mediaType) || this.platforms.some((wish) => isWished(wish, platform));
  }

  private note(blob: Descriptor): void {
    if (isNonDistributable(blob.mediaType) || (blob.urls?.length ?? 0) > 0) return;
    this.blobs.set(blob.digest.toString(), blob);
    this.requireFew();
  }

  private requireFew(): void {
    if (this.blobs.size + this.manifests.size > MOST_DIGESTS)
      throw this.tooLarge(`more than ${MOST_DIGESTS} parts`);
  }

  private tooLarge(what: string): RegistryError {
    return new RegistryError(
      'MANIFEST_INVALID',
      `${this.image.text} has ${what}: warm up its parts by digest`,
    );
  }
}

/** The first that fails ends the others. */
async function takeAll(
  mirror: Pick<Mirror, 'take'>,
  name: RepositoryName,
  blobs: readonly Descriptor[],
  signal: AbortSignal,
  progress: WarmUpProgress,
): Promise<readonly { readonly size: number; readonly wasStored: boolean }[]> {
  const failure = new AbortController();
  const ended = AbortSignal.any([signal, failure.signal]);
  return mapBounded(blobs, LANES, async ({ digest }) => {
    ended.throwIfAborted();
    try {
      const taken = await mirror.take(name, digest, { signal: ended });
      progress.takenBytes += taken.size;
      return taken;
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  });
}

/** Children of an index may be blobs, as in a cache of BuildKit. */
function isManifest({ mediaType }: Descriptor): boolean {
  return mediaType === '' || MANIFESTS.includes(mediaType);
}

function platformText({ os, architecture, variant }: WishedPlatform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
