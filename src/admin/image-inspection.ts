import type { Descriptor } from '../domain/descriptor.js';
import { parseManifest } from '../domain/manifest.js';
import { platformsIn } from '../domain/platform.js';
import type { Platform } from '../domain/platform.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { DamagedContent } from '../errors/registry-error.js';
import { isStorageError } from '../ports/storage-driver.js';
import { digestOf } from '../registry/digester.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Registry } from '../registry/registry.js';
import { imageConfigIn } from './image-config.js';
import type { ImageConfig } from './image-config.js';
import { undefinedIfUnknown } from './readable-manifest.js';
import { TotalSizes } from './total-size.js';

const CONFIG_BYTES = 4 * 1024 * 1024;
const LANES = 16;
const IMAGE_CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** A descriptor as plain data. */
export interface DescriptorDetail {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ChildDetail extends DescriptorDetail {
  readonly platform?: Platform;
}

export interface ManifestDetail extends DescriptorDetail {
  /** Bytes of the manifest and all it refers to; see `TotalSizes`. */
  readonly totalSize: number;
  readonly subject?: DescriptorDetail;
  /** Of an image whose configuration could be read with what that tells. */
  readonly config?: DescriptorDetail & ImageConfig;
  readonly layers: readonly DescriptorDetail[];
  /** Children of an index. */
  readonly manifests: readonly ChildDetail[];
}

/**
 * What is known of a manifest. Its configuration is read up to 4 MiB, and told up to 1000 entries a list; one that is
 * missing, damaged or no JSON is left out. Two requests for the configuration, and those of `TotalSizes`.
 * @throws InvalidValue for a manifest that is none; StorageError
 */
export async function inspectManifest(
  registry: Registry,
  name: RepositoryName,
  stored: StoredManifest,
  signal?: AbortSignal,
): Promise<ManifestDetail> {
  const { artifactType, annotations, subject, config, layers, manifests } = parseManifest(stored.bytes);
  const platforms = platformsIn(stored.bytes);
  return {
    digest: stored.digest.toString(),
    mediaType: stored.mediaType,
    size: stored.bytes.byteLength,
    totalSize: await new TotalSizes(registry, name, LANES, signal).of(stored),
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
    ...(subject && { subject: describeDescriptor(subject) }),
    ...(config && {
      config: { ...describeDescriptor(config), ...(await readConfig(registry, name, config)) },
    }),
    layers: layers.map(describeDescriptor),
    manifests: manifests.map((child, at) => {
      const platform = platforms[at];
      return { ...describeDescriptor(child), ...(platform && { platform }) };
    }),
  };
}

export function describeDescriptor(descriptor: Descriptor): DescriptorDetail {
  const { digest, mediaType, size, artifactType, annotations } = descriptor;
  return {
    digest: digest.toString(),
    mediaType,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
}

async function readConfig(
  registry: Registry,
  name: RepositoryName,
  { mediaType, digest, size }: Descriptor,
): Promise<ImageConfig> {
  if (!IMAGE_CONFIGS.includes(mediaType) || size > CONFIG_BYTES) return {};
  const bytes = await readSmallBlob(registry, name, digest).catch(undefinedIfUnreadable);
  return bytes === undefined ? {} : imageConfigIn(bytes);
}

/** Undefined for a blob of more than 4 MiB, or of other bytes than its digest's. */
async function readSmallBlob(
  { blobs }: Registry,
  name: RepositoryName,
  digest: Descriptor['digest'],
): Promise<Buffer | undefined> {
  const { member, body } = await blobs.openWhole(name, digest);
  if (member.size > CONFIG_BYTES) {
    body.destroy();
    return undefined;
  }
  const chunks: Buffer[] = [];
  // A chunk is ours only until the next is taken.
  for await (const chunk of body) chunks.push(Buffer.from(chunk as Uint8Array));
  const bytes = Buffer.concat(chunks);
  return digestOf(bytes, digest.algorithm).equals(digest) ? bytes : undefined;
}

function undefinedIfUnreadable(error: unknown): undefined {
  if (error instanceof DamagedContent || isStorageError(error, 'MISMATCH')) return undefined;
  return undefinedIfUnknown(error);
}
