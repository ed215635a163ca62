import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { digestOf } from './client.js';

/** Bytes with their media type and digest. */
export interface Content {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

export interface ContentDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const EMPTY_JSON = Buffer.from('{}');
export const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export function contentOf(mediaType: string, bytes: Buffer): Content {
  return { mediaType, bytes, digest: digestOf(bytes) };
}

/** Spaced as no serialiser would, so that only kept bytes have the digest. */
export function jsonContent(mediaType: string, value: unknown): Content {
  return contentOf(mediaType, Buffer.from(`${JSON.stringify(value, null, 3)}\n \n`));
}

export function descriptorOf({ mediaType, bytes, digest }: Content): ContentDescriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

/** Of bytes that may exist or not. */
export function blobDescriptor(bytes: Uint8Array, mediaType = LAYER_TYPE): ContentDescriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

/** An image manifest whose config is `{}`; `extra` members replace its own. */
export function imageOf(
  layers: readonly Uint8Array[] = [],
  extra: Readonly<Record<string, unknown>> = {},
): Content {
  return jsonContent(MEDIA_TYPE.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: blobDescriptor(EMPTY_JSON, EMPTY_TYPE),
    layers: layers.map((layer) => blobDescriptor(layer)),
    ...extra,
  });
}

export function indexOf(
  manifests: readonly ContentDescriptor[],
  extra: Readonly<Record<string, unknown>> = {},
): Content {
  return jsonContent(MEDIA_TYPE.ociIndex, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociIndex,
    manifests,
    ...extra,
  });
}

/** Incompressible enough, and the same for the same seed. */
export function bytesOf(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
