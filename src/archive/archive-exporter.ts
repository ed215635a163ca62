import type { Readable } from 'node:stream';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Registry } from '../registry/registry.js';
import { archiveBody, archiveSize } from './archive-body.js';
import type { ArchiveEntry } from './archive-body.js';
import { dockerLoadFiles, json } from './docker-load.js';
import type { ExportedImage } from './docker-load.js';
import { blobName } from './entry-names.js';
import { ExportContents } from './export-contents.js';
import type { ExportedContent } from './export-contents.js';
import { INDEX_FILE, LAYOUT_FILE, REF_NAME } from './oci-layout.js';

export interface ExportedArchive {
  /** Bytes of the body: a transfer that is cut off is noticed by it. */
  readonly size: number;
  /** To be read to its end or destroyed. */
  readonly body: Readable;
}

/** Writes images of a repository as a tar archive that is an OCI image layout and that `docker load` takes too. */
export class ArchiveExporter {
  constructor(private readonly registry: Pick<Registry, 'blobs' | 'manifests'>) {}

  /**
   * The same images give the same bytes. Everything is looked up before the first byte; manifests are as they were
   * pushed.
   * @throws RegistryError MANIFEST_UNKNOWN, BLOB_UNKNOWN; DamagedContent; StorageError, also from the body
   */
  async export(name: RepositoryName, references: readonly Reference[]): Promise<ExportedArchive> {
    const images = await this.imagesOf(name, references);
    const contents = new ExportContents(this.registry, name);
    for (const { manifest } of images) await contents.add(manifest);
    const files = [
      { name: LAYOUT_FILE, bytes: json({ imageLayoutVersion: '1.0.0' }) },
      { name: INDEX_FILE, bytes: indexOf(images) },
      ...(await dockerLoadFiles(name, images, contents)),
    ];
    const entries = [
      ...files.map(({ name: file, bytes }) => ({
        name: file,
        size: bytes.byteLength,
        open: async () => bytes,
      })),
      ...contents.all.map((content) => this.entryOf(name, content)),
    ];
    return { size: archiveSize(entries), body: archiveBody(entries) };
  }

  private async imagesOf(
    name: RepositoryName,
    references: readonly Reference[],
  ): Promise<readonly ExportedImage[]> {
    const images = new Map<string, { manifest: StoredManifest; tags: Tag[] }>();
    for (const reference of references) {
      const manifest = await this.registry.manifests.get(name, reference);
      const key = manifest.digest.toString();
      const image = images.get(key) ?? { manifest, tags: [] };
      images.set(key, image);
      if (reference.kind === 'tag' && !image.tags.includes(reference.tag)) image.tags.push(reference.tag);
    }
    return [...images.values()];
  }

  private entryOf(name: RepositoryName, { digest, size, member }: ExportedContent): ArchiveEntry {
    const { blobs, manifests } = this.registry;
    return {
      name: blobName(digest),
      size,
      open: async () =>
        member === undefined
          ? (await manifests.get(name, { kind: 'digest', digest })).bytes
          : blobs.open(name, digest, member),
    };
  }
}

/** A descriptor for each tag, and one for an image that was asked for by its digest alone. */
function indexOf(images: readonly ExportedImage[]): Buffer {
  const manifests = images.flatMap(({ manifest: { digest, mediaType, bytes }, tags }) => {
    const descriptor = { mediaType, digest: digest.toString(), size: bytes.byteLength };
    return tags.length === 0
      ? [descriptor]
      : tags.map((tag) => ({ ...descriptor, annotations: { [REF_NAME]: tag } }));
  });
  return json({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests });
}
