import { Digest } from './digest.js';

const LINK = /^([^/]+)\/([^/]+)\/link$/;

/** The digest named by a key that ends in `<alg>/<hex>`. @throws InvalidValue */
export function digestOfKey(text: string): Digest {
  return Digest.parse(text.split('/').slice(-2).join(':'));
}

/** Of `<prefix><alg>/<hex>/link`; undefined for whatever else another registry keeps there. */
export function linkedDigest(prefix: string, text: string): Digest | undefined {
  const [, algorithm, hex] = LINK.exec(text.slice(prefix.length)) ?? [];
  return algorithm === undefined ? undefined : Digest.parseIfValid(`${algorithm}:${hex}`);
}
