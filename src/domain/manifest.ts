import type { Descriptor } from './descriptor.js';
import { Digest } from './digest.js';
import { InvalidValue } from './invalid-value.js';
import { MEDIA_TYPE } from './media-type.js';

/** What the registry reads of a manifest; the bytes themselves are kept as they came. */
export interface Manifest {
  /** The body's own `mediaType`. */
  readonly declaredType?: string;
  /** What a body without `mediaType` is taken for: an index if it has `manifests`, else an image. */
  readonly inferredType: string;
  readonly schemaVersion: unknown;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Children of an index: manifests, or blobs (BuildKit's cache). */
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

/** OCI image-spec manifest.md and image-index.md. @throws InvalidValue */
export function parseManifest(bytes: Uint8Array): Manifest {
  const body = parseObject(bytes);
  const manifests = optionalList(body, 'manifests');
  const config = optionalDescriptor(body, 'config');
  const subject = optionalDescriptor(body, 'subject');
  const declaredType = optionalText(body, 'mediaType');
  const artifactType = optionalText(body, 'artifactType');
  const annotations = optionalAnnotations(body);
  return {
    inferredType: manifests === undefined ? MEDIA_TYPE.ociManifest : MEDIA_TYPE.ociIndex,
    schemaVersion: body['schemaVersion'],
    layers: optionalList(body, 'layers') ?? [],
    manifests: manifests ?? [],
    ...(config && { config }),
    ...(subject && { subject }),
    ...(declaredType !== undefined && { declaredType }),
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
}

/** How a manifest is listed among the referrers of its subject (OCI distribution-spec "Listing Referrers"). */
export function referrerDescriptor(
  manifest: Manifest,
  mediaType: string,
  digest: Digest,
  size: number,
): Descriptor {
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(manifest.annotations && { annotations: manifest.annotations }),
  };
}

/** A descriptor as JSON gave it. @throws InvalidValue */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(`${where} is not an object`);
  const mediaType = optionalText(value, 'mediaType') ?? '';
  const size = value['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${where}.size is not a whole number of bytes`);
  }
  const digest = value['digest'];
  if (typeof digest !== 'string') throw invalid(`${where}.digest is not text`);
  const urls = value['urls'];
  const artifactType = optionalText(value, 'artifactType');
  const annotations = optionalAnnotations(value);
  return {
    mediaType,
    digest: parseDigestAt(digest, where),
    size,
    ...(Array.isArray(urls) && { urls: urls.filter((url) => typeof url === 'string') }),
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
}

function parseDigestAt(text: string, where: string): Digest {
  try {
    return Digest.parse(text);
  } catch (error) {
    if (error instanceof InvalidValue) throw invalid(`${where}.digest: ${error.message}`);
    throw error;
  }
}

function parseObject(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    // A byte order mark stays, and is refused: Go's clients could not read it back.
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw invalid('the manifest is not JSON in UTF-8');
  }
  if (!isObject(value)) throw invalid('the manifest is not a JSON object');
  return value;
}

function optionalList(body: Json, member: string): Descriptor[] | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw invalid(`${member} is not a list`);
  return value.map((entry, index) => parseDescriptor(entry, `${member}[${index}]`));
}

function optionalDescriptor(body: Json, member: string): Descriptor | undefined {
  const value = body[member];
  return value === undefined || value === null ? undefined : parseDescriptor(value, member);
}

function optionalText(body: Json, member: string): string | undefined {
  const value = body[member];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`${member} is not text`);
  return value;
}

function optionalAnnotations(body: Json): Readonly<Record<string, string>> | undefined {
  const value = body['annotations'];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || !Object.values(value).every((entry) => typeof entry === 'string')) {
    throw invalid('annotations is not an object of texts');
  }
  return value as Readonly<Record<string, string>>;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): InvalidValue {
  return new InvalidValue('manifest', message);
}
