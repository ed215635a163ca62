import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { parseManifest } from '../domain/manifest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { mapBounded } from '../registry/bounded.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Registry } from '../registry/registry.js';
import { ifReadable } from './readable-manifest.js';

const MOST_MANIFESTS = 1000;
const MOST_DIGESTS = 100_000;

type Sized = Pick<Descriptor, 'digest' | 'size'>;

/** What the repository holds under the digest of a child. */
interface Child {
  /** Bytes of a manifest. */
  readonly manifest?: number;
  readonly isHeld: boolean;
  readonly blobs: readonly Sized[];
  readonly children: readonly Sized[];
}

/** Sizes of images of one repository; what several of them share is read once. */
export class TotalSizes {
  private readonly totals = new Map<string, Promise<number>>();
  private readonly known = new Map<string, Promise<Child>>();
  /** How many more digests are remembered. */
  private room = MOST_DIGESTS;

  constructor(
    private readonly registry: Registry,
    private readonly name: RepositoryName,
    /** Requests at a time for one image. */
    private readonly lanes: number,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Bytes of a manifest and all it refers to, each digest once, as the manifests tell the sizes; of the children of an
   * index those that the repository holds. Of more than 1000 children (or 100,000 digests) those beyond count as their
   * descriptors do. Two requests a child that is not remembered, none once the signal is aborted. @throws its reason
   */
  of(root: StoredManifest): Promise<number> {
    const text = root.digest.toString();
    const total = this.totals.get(text) ?? this.sum(root);
    this.totals.set(text, total);
    return total;
  }

  private async sum(root: StoredManifest): Promise<number> {
    const sizes = new Map([[root.digest.toString(), root.bytes.byteLength]]);
    let left = MOST_MANIFESTS;
    const count = ({ blobs, children }: Pick<Child, 'blobs' | 'children'>): readonly Sized[] => {
      for (const { digest, size } of blobs) sizes.set(digest.toString(), size);
      return children.filter(({ digest }) => !sizes.has(digest.toString()));
    };
    const countChild = async ({ digest, size }: Sized): Promise<readonly Sized[]> => {
      const text = digest.toString();
      if (sizes.has(text)) return [];
      sizes.set(text, size);
      left -= 1;
      if (left < 0 || sizes.size > MOST_DIGESTS) return [];
      const child = await this.child(digest);
      if (child.manifest !== undefined) sizes.set(text, child.manifest);
      else if (!child.isHeld) sizes.set(text, 0);
      return count(child);
    };
    for (let waiting = count(partsOf(root.bytes)); waiting.length > 0;)
      waiting = (await mapBounded(waiting, this.lanes, countChild)).flat();
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  private async child(digest: Digest): Promise<Child> {
    this.signal?.throwIfAborted();
    const text = digest.toString();
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const reading = this.read(digest);
    if (this.room <= 0) return reading;
    this.known.set(text, reading);
    const { blobs, children } = await reading;
    this.room -= 1 + blobs.length + children.length;
    return reading;
  }

  private async read(digest: Digest): Promise<Child> {
    const { manifests, blobs } = this.registry;
    const stored = await ifReadable(manifests.get(this.name, { kind: 'digest', digest }));
    if (stored !== undefined)
      return { manifest: stored.bytes.byteLength, isHeld: true, ...partsOf(stored.bytes) };
    return { isHeld: await blobs.has(this.name, digest), blobs: [], children: [] };
  }
}

function partsOf(bytes: Buffer): Pick<Child, 'blobs' | 'children'> {
  const { config, layers, manifests } = parseManifest(bytes);
  return { blobs: (config ? [config, ...layers] : layers).map(sized), children: manifests.map(sized) };
}

/** Without annotations, which may be long. */
function sized({ digest, size }: Descriptor): Sized {
  return { digest, size };
}
