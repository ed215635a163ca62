import type { Descriptor } from '../domain/descriptor.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import { MEDIA_TYPE, bareMediaType, isMediaType, isNonDistributable } from '../domain/media-type.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { MissingReferences, RegistryError } from '../errors/registry-error.js';
import type { Digest } from '../domain/digest.js';
import { mapBounded } from './bounded.js';

const CONCURRENT_CHECKS = 16;

/** What a manifest must be before it is stored, and the media type it is stored with. */
export function validateManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
): { manifest: Manifest; mediaType: string } {
  const manifest = parseManifest(bytes);
  const sent = contentType === undefined ? '' : bareMediaType(contentType);
  const mediaType = sent === '' ? (manifest.declaredType ?? manifest.inferredType) : sent;
  if (manifest.declaredType !== undefined && manifest.declaredType !== mediaType) {
    throw invalid(`the body's mediaType ${manifest.declaredType} is not its Content-Type ${mediaType}`);
  }
  if (!isMediaType(mediaType)) throw invalid('the media type is not of the form type/subtype');
  if (
    mediaType === MEDIA_TYPE.dockerSchema1 ||
    mediaType === MEDIA_TYPE.dockerSchema1Signed ||
    manifest.schemaVersion === 1
  ) {
    throw invalid('manifests of schema version 1 are not supported; push schema 2 or OCI');
  }
  if (isImageOrIndex(mediaType) && manifest.schemaVersion !== 2) throw invalid('schemaVersion is not 2');
  return { manifest, mediaType };
}

/** Answers whether a repository holds a digest. */
export interface Holds {
  (name: RepositoryName, digest: Digest): Promise<boolean>;
}

/**
 * Configuration and layers must be blobs of the repository, children of an index manifests or blobs of it
 * (BuildKit's cache lists blobs). What is fetched from elsewhere (`urls`, non-distributable layers) and the
 * `subject` may be missing.
 * @throws MissingReferences
 */
export async function checkReferences(
  name: RepositoryName,
  manifest: Manifest,
  holds: { readonly blob: Holds; readonly manifest: Holds },
): Promise<void> {
  const blobs = [...(manifest.config ? [manifest.config] : []), ...manifest.layers].filter(isKeptHere);
  const references = [
    ...unique(blobs).map((digest) => ({ digest, held: () => holds.blob(name, digest) })),
    ...unique(manifest.manifests.filter(isKeptHere)).map((digest) => ({
      digest,
      held: async () => (await holds.manifest(name, digest)) || holds.blob(name, digest),
    })),
  ];
  const held = await mapBounded(references, CONCURRENT_CHECKS, (reference) => reference.held());
  const missing = references.filter((_, index) => held[index] !== true);
  if (missing.length > 0) throw new MissingReferences(missing.map(({ digest }) => digest.toString()));
}

function isKeptHere(descriptor: Descriptor): boolean {
  return (descriptor.urls?.length ?? 0) === 0 && !isNonDistributable(descriptor.mediaType);
}

function unique(descriptors: readonly Descriptor[]): readonly Digest[] {
  return [...new Map(descriptors.map(({ digest }) => [digest.toString(), digest])).values()];
}

function isImageOrIndex(mediaType: string): boolean {
  return (
    mediaType === MEDIA_TYPE.ociManifest ||
    mediaType === MEDIA_TYPE.ociIndex ||
    mediaType === MEDIA_TYPE.dockerManifest ||
    mediaType === MEDIA_TYPE.dockerList
  );
}

function invalid(message: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', message);
}

/** For `catch` after the last check: the client is to push again, then hearing what is missing. @throws RegistryError */
export function deletedMeanwhile(error: unknown): never {
  if (!(error instanceof MissingReferences)) throw error;
  throw new RegistryError('UNAVAILABLE', 'what the manifest refers to was deleted meanwhile: push it again', {
    headers: { 'Retry-After': '1' },
    cause: error,
  });
}
