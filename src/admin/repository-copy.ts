import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { parseManifest } from '../domain/manifest.js';
import type { Reference, Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { DamagedContent } from '../errors/registry-error.js';
import { mapBounded } from '../registry/bounded.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Registry } from '../registry/registry.js';
import { AdminError } from './admin-error.js';
import { undefinedIfUnknown } from './readable-manifest.js';

const LANES = 16;
const MOST_DEPTH = 16;
const MOST_DIGESTS = 100_000;

export interface CopyRequest {
  readonly from: { readonly repository: RepositoryName; readonly reference: Reference };
  /** Without a tag the copy has its digest alone. */
  readonly to: { readonly repository: RepositoryName; readonly tag?: Tag };
  /** With the manifests that name a copied one as their subject. */
  readonly referrers?: boolean;
}

export interface Copied {
  readonly digest: string;
  /** That the target now holds by this copy, or held already. */
  readonly manifests: number;
  readonly blobs: number;
}

/**
 * Links blobs and puts the same manifest bytes, children before what refers to them, the tag last: a copy that was cut
 * off shows nothing and may be repeated. Within one repository it only sets the tag. No blob is read. Each blob takes
 * three requests where nothing is known of it, each manifest four, the tag three, and referrers one listing a manifest.
 * @throws RegistryError MANIFEST_UNKNOWN; MissingReferences; DamagedContent; DENIED for an immutable tag; AdminError
 */
export async function copyImage(registry: Registry, request: CopyRequest): Promise<Copied> {
  const { from, to, referrers = false } = request;
  const root = await registry.manifests.get(from.repository, from.reference);
  if (to.tag !== undefined) await registry.tags.requireMovable(to.repository, to.tag, root.digest);
  const tags = to.tag === undefined ? [] : [to.tag];
  const digest = root.digest.toString();
  if (from.repository === to.repository) {
    await put(registry, to.repository, root, tags);
    return { digest, manifests: 0, blobs: 0 };
  }
  // Once, not by each of the blobs that are linked side by side.
  await registry.catalog.mark(to.repository);
  const copy = new Copy(registry, from.repository, to.repository, referrers);
  await copy.take(root, referrers ? [] : tags);
  if (referrers && tags.length > 0) await put(registry, to.repository, root, tags);
  return { digest, ...copy.counts };
}

class Copy {
  private readonly manifests = new Set<string>();
  private readonly blobs = new Set<string>();

  constructor(
    private readonly registry: Registry,
    private readonly from: RepositoryName,
    private readonly to: RepositoryName,
    private readonly withReferrers: boolean,
  ) {}

  get counts(): { manifests: number; blobs: number } {
    return { manifests: this.manifests.size, blobs: this.blobs.size };
  }

  /** The manifest with all below it. */
  async take(stored: StoredManifest, tags: readonly Tag[] = [], depth = 0): Promise<void> {
    this.require(depth <= MOST_DEPTH, `manifests of more than ${MOST_DEPTH} levels`);
    this.manifests.add(stored.digest.toString());
    const { config, layers, manifests } = parseManifest(stored.bytes);
    const blobs: Descriptor[] = config ? [config, ...layers] : [...layers];
    for (const child of manifests) if (!(await this.takeManifest(child.digest, depth + 1))) blobs.push(child);
    await mapBounded(blobs, LANES, ({ digest }) => this.link(digest));
    await put(this.registry, this.to, stored, tags);
    if (!this.withReferrers) return;
    for await (const { digest } of this.registry.referrers.list(this.from, stored.digest))
      await this.takeManifest(digest, depth + 1);
  }

  /** Answers whether the source holds such a manifest: children of an index may be blobs, or be missing. */
  private async takeManifest(digest: Digest, depth: number): Promise<boolean> {
    if (this.manifests.has(digest.toString())) return true;
    const { manifests } = this.registry;
    const stored = await manifests.get(this.from, { kind: 'digest', digest }).catch(undefinedIfUnknown);
    if (stored === undefined) return false;
    await this.take(stored, [], depth);
    return true;
  }

  /** What the source does not hold is left to the put, which knows whether it may be missing. */
  private async link(digest: Digest): Promise<void> {
    const { blobs, damaged } = this.registry;
    const text = digest.toString();
    if (this.blobs.has(text)) return;
    const member = await blobs.stat(this.from, digest).catch(undefinedIfUnknown);
    if (member === undefined) return;
    if (await damaged.has(member.stored)) throw new DamagedContent(member.stored);
    this.blobs.add(text);
    this.require(this.blobs.size + this.manifests.size <= MOST_DIGESTS, `more than ${MOST_DIGESTS} parts`);
    await blobs.link(this.to, digest, member);
  }

  private require(holds: boolean, what: string): void {
    if (!holds) throw new AdminError('invalid', `the image has ${what}: copy its parts one by one`);
  }
}

/** As a push of the same bytes would. */
export async function put(
  { manifests }: Registry,
  name: RepositoryName,
  { digest, mediaType, bytes }: StoredManifest,
  tags: readonly Tag[],
): Promise<void> {
  await manifests.put(name, { digest, tags, bytes, ...(mediaType !== '' && { contentType: mediaType }) });
}
