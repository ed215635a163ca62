import { InvalidValue } from '../domain/invalid-value.js';
import { parseManifest } from '../domain/manifest.js';
import type { Descriptor } from '../domain/descriptor.js';
import { parseTag } from '../domain/reference.js';
import type { Tag } from '../domain/reference.js';
import type { ArchiveContents, ArchiveFile } from './archive-contents.js';
import { requireSize } from './import-plan.js';
import type { ImportPlan } from './import-plan.js';
import { malformed, quoted } from './invalid-archive.js';

export const LAYOUT_FILE = 'oci-layout';
export const INDEX_FILE = 'index.json';
/** OCI image-spec annotations.md; containerd's tells the whole reference. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';
const MOST_IMAGES = 1000;

/** Plans what the `index.json` of an OCI image layout names (OCI image-spec image-layout.md). @throws InvalidArchive */
export async function planOciLayout(contents: ArchiveContents, plan: ImportPlan): Promise<void> {
  const index = contents.file(INDEX_FILE);
  if (index === undefined) throw malformed(`the archive holds ${LAYOUT_FILE}, but no ${INDEX_FILE}`);
  const descriptors = await descriptorsOf(contents, index);
  if (descriptors.length > MOST_IMAGES) throw malformed(`the archive names more than ${MOST_IMAGES} images`);
  for (const { digest, mediaType, size, annotations } of descriptors) {
    const file = contents.blob(digest);
    if (file === undefined)
      throw malformed(`${INDEX_FILE} names ${digest.toString()}, which the archive does not hold`);
    requireSize(file, size);
    const manifest = await plan.addManifest(digest, file, mediaType);
    plan.addImage(manifest, () => {
      const tag = tagOfName(annotations?.[REF_NAME]) ?? tagOfName(annotations?.[CONTAINERD_NAME]);
      return tag === undefined ? [] : [tag];
    });
  }
}

/** The tag in `tag`, `name:tag`, `host:port/name:tag` and `name:tag@digest`; undefined where the text has none. */
export function tagOfName(text: string | undefined): Tag | undefined {
  if (text === undefined) return undefined;
  const [reference = ''] = text.split('@', 1);
  const component = reference.slice(reference.lastIndexOf('/') + 1);
  const colon = component.indexOf(':');
  const isBare = colon < 0 && component === text;
  if (colon < 0 && !isBare) return undefined;
  try {
    return parseTag(component.slice(colon + 1));
  } catch (error) {
    if (error instanceof InvalidValue)
      throw malformed(`the archive names ${quoted(text)}: ${error.message}; give the import a tag`, error);
    throw error;
  }
}

async function descriptorsOf(contents: ArchiveContents, index: ArchiveFile): Promise<readonly Descriptor[]> {
  try {
    return parseManifest(await contents.bytesOf(index)).manifests;
  } catch (error) {
    if (error instanceof InvalidValue) throw malformed(`${INDEX_FILE} is invalid: ${error.message}`, error);
    throw error;
  }
}
