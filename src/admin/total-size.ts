import type { Descriptor } from '../domain/descriptor.js';
import { parseManifest } from '../domain/manifest.js';
import type { Manifest } from '../domain/manifest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { mapBounded } from '../registry/bounded.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { Registry } from '../registry/registry.js';
import { ifReadable } from './readable-manifest.js';

const MOST_MANIFESTS = 1000;
const MOST_DIGESTS = 100_000;

/**
 * Bytes of a manifest and all it refers to, each digest once, as the manifests tell the sizes; of the children of an
 * index those that the repository holds. Of more than 1000 children (or 100,000 digests) those beyond count as their
 * descriptors do. Two requests a child that is not remembered, `lanes` at a time.
 */
export async function totalSize(
  { manifests, blobs }: Registry,
  name: RepositoryName,
  root: StoredManifest,
  lanes: number,
): Promise<number> {
  const sizes = new Map([[root.digest.toString(), root.bytes.byteLength]]);
  let left = MOST_MANIFESTS;
  const count = ({ config, layers, manifests: children }: Manifest): readonly Descriptor[] => {
    for (const { digest, size } of config ? [config, ...layers] : layers) sizes.set(digest.toString(), size);
    return children.filter(({ digest }) => !sizes.has(digest.toString()));
  };
  const countChild = async ({ digest, size }: Descriptor): Promise<readonly Descriptor[]> => {
    const text = digest.toString();
    if (sizes.has(text)) return [];
    sizes.set(text, size);
    left -= 1;
    if (left < 0 || sizes.size > MOST_DIGESTS) return [];
    const child = await ifReadable(manifests.get(name, { kind: 'digest', digest }));
    if (child !== undefined) {
      sizes.set(text, child.bytes.byteLength);
      return count(parseManifest(child.bytes));
    }
    if (!(await blobs.has(name, digest))) sizes.set(text, 0);
    return [];
  };
  for (let waiting = count(parseManifest(root.bytes)); waiting.length > 0;)
    waiting = (await mapBounded(waiting, lanes, countChild)).flat();
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
