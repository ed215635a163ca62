import { malformed, quoted, tooLarge } from './invalid-archive.js';

/** Media types of what `docker save` holds (Docker image manifest v2, schema 2). */
export const DOCKER_TYPE = {
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar',
  gzipLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** One entry of the `manifest.json` of `docker save`; the names are of files of the archive. */
export interface SavedImage {
  readonly config: string;
  /** `name:tag` each. */
  readonly repoTags: readonly string[];
  /** The lowest first. */
  readonly layers: readonly string[];
}

const MOST_IMAGES = 1000;

/** `mostTexts` bounds each list. @throws InvalidArchive */
export function parseSavedImages(bytes: Buffer, mostTexts: number): readonly SavedImage[] {
  const entries = parseJson('manifest.json', bytes);
  if (!Array.isArray(entries)) throw malformed('manifest.json is not a list of images');
  if (entries.length === 0) throw malformed('manifest.json names no image');
  if (entries.length > MOST_IMAGES) throw malformed(`the archive names more than ${MOST_IMAGES} images`);
  return entries.map((entry: unknown, index) => {
    const { Config: config, RepoTags: repoTags, Layers: layers } = asObject(`manifest.json[${index}]`, entry);
    if (typeof config !== 'string')
      throw malformed(`manifest.json[${index}].Config is not the name of a file`);
    return {
      config,
      repoTags: texts(`manifest.json[${index}].RepoTags`, repoTags, mostTexts),
      layers: texts(`manifest.json[${index}].Layers`, layers, mostTexts),
    };
  });
}

/**
 * The diff ids of an image's configuration (OCI image-spec config.md "rootfs"), `mostTexts` of them at most.
 * @throws InvalidArchive
 */
export function parseDockerConfig(name: string, bytes: Buffer, mostTexts: number): readonly string[] {
  const { rootfs } = asObject(name, parseJson(name, bytes));
  if (rootfs === undefined || rootfs === null)
    throw malformed(`the configuration ${quoted(name)} has no rootfs`);
  return texts(
    `rootfs.diff_ids of ${quoted(name)}`,
    asObject(`rootfs of ${quoted(name)}`, rootfs)['diff_ids'],
    mostTexts,
  );
}

function parseJson(name: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(`${quoted(name)} is not JSON in UTF-8`, error);
  }
}

function asObject(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(`${where} is not a JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

/** Go writes `null` for an empty list. */
function texts(where: string, value: unknown, most: number): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.length > most) throw tooLarge(`${where} has more than ${most} entries`);
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw malformed(`${where} is not a list of texts`);
  return value;
}
