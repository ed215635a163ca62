import { parseManifest } from '../domain/manifest.js';
import type { Tag } from '../domain/reference.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { StoredManifest } from '../registry/manifest-store.js';
import type { ExportContents } from './export-contents.js';
import { blobName } from './entry-names.js';
import { DOCKER_TYPE } from './saved-images.js';

const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
/** Attestations have the configuration of an image, but layers of another kind; zstd is unknown to engine 20.10. */
const LAYER_TYPE = /\.tar(?:[+.]gzip)?$/;
const PREFERRED = { os: 'linux', architecture: 'amd64' } as const;

/** A manifest that was asked for, and the tags that it was asked by. */
export interface ExportedImage {
  readonly manifest: StoredManifest;
  readonly tags: readonly Tag[];
}

interface Loaded {
  /** The names of files of the archive. */
  readonly config: string;
  readonly layers: readonly string[];
  readonly tags: readonly Tag[];
}

/**
 * The files by which `docker load` finds the images of an OCI layout: `manifest.json`, and what engines before 1.10
 * read. Of an index it loads the image for linux/amd64, else the first. None where there is no image.
 */
export async function dockerLoadFiles(
  name: RepositoryName,
  images: readonly ExportedImage[],
  contents: ExportContents,
): Promise<readonly { readonly name: string; readonly bytes: Buffer }[]> {
  const loaded: Loaded[] = [];
  for (const { manifest, tags } of images) {
    const files = await loadable(manifest, contents);
    if (files !== undefined) loaded.push({ ...files, tags });
  }
  if (loaded.length === 0) return [];
  const tops = loaded.flatMap(({ layers, tags }) =>
    tags.map((tag) => [tag, hexOf(layers.at(-1) ?? '')] as const),
  );
  return [
    {
      name: 'manifest.json',
      bytes: json(
        loaded.map(({ config, tags, layers }) => ({
          Config: config,
          RepoTags: tags.length === 0 ? null : tags.map((tag) => `${name}:${tag}`),
          Layers: layers,
        })),
      ),
    },
    ...(tops.length === 0
      ? []
      : [{ name: 'repositories', bytes: json({ [name]: Object.fromEntries(tops) }) }]),
  ];
}

/** Nobody reads these for their digests: they need only be the same each time. */
export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function loadable(
  stored: StoredManifest,
  contents: ExportContents,
): Promise<Pick<Loaded, 'config' | 'layers'> | undefined> {
  const { config, layers, manifests } = parseManifest(stored.bytes);
  if (manifests.length > 0) {
    for (const index of inOrderOfPreference(stored.bytes)) {
      const digest = manifests[index]?.digest;
      const child = digest && contents.has(digest) ? await contents.manifest(digest) : undefined;
      const image = child === undefined ? undefined : await loadableImage(child, contents);
      if (image !== undefined) return image;
    }
    return undefined;
  }
  return config === undefined || layers.length === 0 ? undefined : loadableImage(stored, contents);
}

async function loadableImage(
  { bytes }: StoredManifest,
  contents: ExportContents,
): Promise<Pick<Loaded, 'config' | 'layers'> | undefined> {
  const { config, layers } = parseManifest(bytes);
  if (config === undefined || layers.length === 0) return undefined;
  if (config.mediaType !== OCI_CONFIG && config.mediaType !== DOCKER_TYPE.config) return undefined;
  if (![config, ...layers].every(({ digest }) => contents.has(digest))) return undefined;
  if (!layers.every(({ mediaType }) => LAYER_TYPE.test(mediaType))) return undefined;
  return { config: blobName(config.digest), layers: layers.map(({ digest }) => blobName(digest)) };
}

/** The places of an index's children. */
function inOrderOfPreference(bytes: Buffer): readonly number[] {
  const { manifests } = JSON.parse(bytes.toString()) as {
    manifests: { platform?: Partial<typeof PREFERRED> }[];
  };
  const places = manifests.map((_, index) => index);
  const isPreferred = (index: number): boolean => {
    const platform = manifests[index]?.platform;
    return platform?.os === PREFERRED.os && platform.architecture === PREFERRED.architecture;
  };
  return [...places.filter(isPreferred), ...places.filter((index) => !isPreferred(index))];
}

function hexOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
