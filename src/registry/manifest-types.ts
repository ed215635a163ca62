import type { Digest } from '../domain/digest.js';
import { mediaTypeKey } from '../domain/keys.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/** The media types of manifests: one that the body does not tell is kept beside, unless such a body is taken for it. */
export class ManifestTypes {
  constructor(private readonly driver: StorageDriver) {}

  /** Before the manifest is linked. */
  async put(name: RepositoryName, digest: Digest, manifest: Manifest, mediaType: string): Promise<void> {
    if (manifest.declaredType !== undefined || isInferred(manifest, mediaType)) return;
    await this.driver.put(mediaTypeKey(name, digest), Buffer.from(mediaType));
  }

  /** Once it is linked again: it may have been pushed with another type before. */
  async settle(name: RepositoryName, digest: Digest, manifest: Manifest, mediaType: string): Promise<void> {
    if (isInferred(manifest, mediaType)) await this.delete(name, digest);
  }

  async of(name: RepositoryName, digest: Digest, bytes: Buffer): Promise<string> {
    const manifest = parseManifest(bytes);
    if (manifest.declaredType !== undefined) return manifest.declaredType;
    try {
      return (await this.driver.read(mediaTypeKey(name, digest))).toString();
    } catch (error) {
      if (isStorageError(error, 'NOT_FOUND')) return manifest.inferredType;
      throw error;
    }
  }

  async delete(name: RepositoryName, digest: Digest): Promise<void> {
    await this.driver.delete(mediaTypeKey(name, digest));
  }
}

function isInferred({ declaredType, inferredType }: Manifest, mediaType: string): boolean {
  return declaredType === undefined && mediaType === inferredType;
}
