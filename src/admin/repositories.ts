import type { Digest } from '../domain/digest.js';
import type { Page, PageRequest } from '../domain/page.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { CatalogRequest } from '../registry/catalog.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { Registry } from '../registry/registry.js';
import { inspectManifest } from './image-inspection.js';
import type { DescriptorDetail, ManifestDetail } from './image-inspection.js';
import { copyImage, put } from './repository-copy.js';
import type { Copied, CopyRequest } from './repository-copy.js';
import { listRevisions, referrersPage } from './repository-manifests.js';
import type { RevisionDetail } from './repository-manifests.js';
import { removeRepository } from './repository-removal.js';
import type { RemovedRepository } from './repository-removal.js';
import { describeTag, describeTags } from './repository-tags.js';
import type { TagDetail } from './repository-tags.js';
import { namespaceUsage, repositoryUsage } from './usage.js';
import type { NamespaceUsage, RepositoryUsage } from './usage.js';

export interface RepositoryParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
  readonly readOnly: ReadOnlyMode;
  /** Whether anything may be deleted: `registry.delete`. */
  readonly deletion: boolean;
  /** Refuses repositories into which nothing is put. @throws RegistryError */
  readonly requireOwn: (name: RepositoryName) => Promise<void>;
}

export interface RepositoryDetail {
  readonly name: string;
  readonly tags: number;
}

/**
 * What administrators see of stored images, and how they change them. Who may do it is the caller's affair; what the
 * registry forbids to everybody (read-only mode, deletion switched off, immutable tags) is refused here as by its API:
 * every change @throws RegistryError UNSUPPORTED, DENIED.
 */
export class Repositories {
  constructor(private readonly parts: RepositoryParts) {}

  /** In the catalog's order, `/` below every other character. One listing, more only where most are hidden. */
  async list(
    request: CatalogRequest,
    isVisible: (name: RepositoryName) => boolean,
  ): Promise<Page<{ readonly name: string }>> {
    const { items, next } = await this.parts.registry.catalog.listVisible(request, isVisible);
    const repositories = items.map((name) => ({ name }));
    return next === undefined ? { items: repositories } : { items: repositories, next };
  }

  /** One listing, remembered for 5 seconds. @throws RegistryError NAME_UNKNOWN */
  async find(name: RepositoryName): Promise<RepositoryDetail> {
    const { items } = await this.parts.registry.tags.page(name, { limit: Number.MAX_SAFE_INTEGER });
    return { name, tags: items.length };
  }

  /** See `removeRepository`. Nine requests a tag, eight a manifest, two a blob, and thirty more. */
  async remove(name: RepositoryName): Promise<RemovedRepository> {
    await this.requireDeletion(name);
    return removeRepository(this.parts, name);
  }

  /** See `describeTags`. */
  tags(name: RepositoryName, request: PageRequest, signal?: AbortSignal): Promise<Page<TagDetail>> {
    return describeTags(this.parts.registry, name, request, signal);
  }

  /** @throws RegistryError MANIFEST_UNKNOWN */
  async tag(name: RepositoryName, tag: Tag): Promise<TagDetail> {
    const described = await describeTag(this.parts.registry, name, tag);
    if (described === undefined) throw new RegistryError('MANIFEST_UNKNOWN', undefined, { detail: { tag } });
    return described;
  }

  /**
   * Points the tag to a manifest that the repository holds, as a push of the same bytes would.
   * @throws RegistryError MANIFEST_UNKNOWN; MissingReferences; DamagedContent
   */
  async setTag(
    name: RepositoryName,
    tag: Tag,
    to: Reference,
  ): Promise<{ readonly digest: string; readonly previous?: string }> {
    const { registry } = this.parts;
    await this.requireChangeable(name);
    const stored = await registry.manifests.get(name, to);
    const previous = await registry.tags.describe(name, tag);
    await put(registry, name, stored, [tag]);
    const digest = stored.digest.toString();
    return previous === undefined ? { digest } : { digest, previous: previous.digest.toString() };
  }

  /** The manifest stays. @throws RegistryError MANIFEST_UNKNOWN */
  async removeTag(name: RepositoryName, tag: Tag): Promise<void> {
    await this.requireDeletion(name);
    await this.parts.registry.tags.delete(name, tag);
  }

  /** See `listRevisions`. */
  manifests(name: RepositoryName, request: PageRequest): Promise<Page<RevisionDetail>> {
    return listRevisions(this.parts, name, request);
  }

  /** See `inspectManifest`. @throws RegistryError MANIFEST_UNKNOWN; DamagedContent */
  async manifest(name: RepositoryName, reference: Reference, signal?: AbortSignal): Promise<ManifestDetail> {
    const { registry } = this.parts;
    return inspectManifest(registry, name, await registry.manifests.get(name, reference), signal);
  }

  /** In order of digests; the subject need not exist. One listing, and up to three requests for each. */
  referrers(
    name: RepositoryName,
    digest: Digest,
    { limit, last }: PageRequest,
    artifactType?: string,
  ): Promise<Page<DescriptorDetail>> {
    const { referrers } = this.parts.registry;
    return referrersPage(referrers.list(name, digest, last), limit, artifactType);
  }

  /** With every tag that points to it. @throws RegistryError MANIFEST_UNKNOWN */
  async removeManifest(name: RepositoryName, digest: Digest): Promise<void> {
    await this.requireDeletion(name);
    await this.parts.registry.manifests.delete(name, digest);
  }

  /** See `copyImage`. */
  async copy(request: CopyRequest): Promise<Copied> {
    await this.requireChangeable(request.to.repository);
    return copyImage(this.parts.registry, request);
  }

  /** Before anything is changed there. @throws RegistryError UNSUPPORTED for one that is taken from its upstream */
  async requireChangeable(name: RepositoryName): Promise<void> {
    await this.parts.readOnly.requireWritable();
    await this.parts.requireOwn(name);
  }

  /** See `repositoryUsage`. */
  usage(name: RepositoryName, signal?: AbortSignal): Promise<RepositoryUsage> {
    return repositoryUsage(this.parts, name, signal);
  }

  /** See `namespaceUsage`. */
  namespaceUsage(namespace: string, signal?: AbortSignal): Promise<NamespaceUsage> {
    return namespaceUsage(this.parts, namespace, signal && { signal });
  }

  private async requireDeletion(name: RepositoryName): Promise<void> {
    await this.requireChangeable(name);
    if (!this.parts.deletion) throw new RegistryError('UNSUPPORTED', 'deletion is switched off');
  }
}
