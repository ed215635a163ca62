/** Media types with a meaning of their own here (OCI image-spec media-types.md, Docker image manifest v2). */
export const MEDIA_TYPE = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

const RESTRICTED_NAMES = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;

/** A Content-Type without its parameters, in lower case. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** Whether it is `type/subtype` (RFC 6838 §4.2), without parameters: then it can stand in a header. */
export function isMediaType(text: string): boolean {
  return RESTRICTED_NAMES.test(text);
}

/** Layers that are fetched from elsewhere and need not be in the repository. */
export function isNonDistributable(mediaType: string): boolean {
  return mediaType.includes('nondistributable') || mediaType.includes('.foreign.');
}

/**
 * Whether Accept lines admit a media type (RFC 9110 §12.5.1; a type with q=0 is refused, other weights are
 * not compared: a stored manifest has one representation).
 */
export function accepts(accept: readonly string[], mediaType: string): boolean {
  const ranges = accept.flatMap((line) => line.split(',')).filter((range) => range.trim() !== '');
  if (ranges.length === 0) return true;
  const [type = ''] = mediaType.split('/');
  return ranges.some((range) => {
    const bare = bareMediaType(range);
    const matches = bare === mediaType || bare === '*/*' || bare === `${type}/*`;
    return matches && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range);
  });
}
