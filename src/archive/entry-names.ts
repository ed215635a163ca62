import { Digest, isSupportedAlgorithm } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { malformed, quoted } from './invalid-archive.js';

const LONGEST_NAME = 255;
/** `docker save` writes a layer once; where a second image has it too, a link leads to it. skopeo's lead to files. */
const LAYER_LINK = /^[^/]+\/layer\.tar$/;
const LAYER_LINK_TARGET = /^\.\.\/([^/]+\/layer\.tar|[^/]+\.tar)$/;

/** The name of an entry below the archive's root; empty for the root itself. @throws InvalidArchive */
export function entryName(text: string): string {
  if (Buffer.byteLength(text) > LONGEST_NAME)
    throw malformed(`the entry ${quoted(text)} has a name above ${LONGEST_NAME} bytes`);
  if (text.startsWith('/')) throw malformed(`the entry ${quoted(text)} has an absolute name`);
  if (/[\0-\x1f\x7f\\]/.test(text))
    throw malformed(`the entry ${quoted(text)} has a character that no name has here`);
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw malformed(`the entry ${quoted(text)} leads out of the archive`);
  return parts.join('/');
}

/** The name in the archive that the link of a repeated layer leads to. @throws InvalidArchive for any other link */
export function layerLinkTarget(name: string, link: string): string {
  const target = LAYER_LINK_TARGET.exec(link)?.[1];
  if (!LAYER_LINK.test(name) || target === undefined || target.startsWith('../')) {
    throw malformed(
      `the entry ${quoted(name)} is a symbolic link to ${quoted(link)}, which no saved layer is`,
    );
  }
  return target;
}

/** What engines before 1.10 read beside each layer: no image of today names it. */
export function isOfOldEngines(name: string): boolean {
  return name === 'repositories' || /^[0-9a-f]{64}\/(?:VERSION|json)$/.test(name);
}

/** The digest that a file of an OCI layout must have by its name. @throws InvalidArchive for a blob's name without one */
export function digestOfName(name: string): Digest | undefined {
  const [folder, algorithm = '', hex = '', ...rest] = name.split('/');
  if (folder !== 'blobs') return undefined;
  if (rest.length > 0 || !isSupportedAlgorithm(algorithm))
    throw malformed(
      `the entry ${quoted(name)} is no blob of an OCI layout: those are blobs/sha256/… and blobs/sha512/…`,
    );
  try {
    return Digest.of(algorithm, hex);
  } catch (error) {
    if (error instanceof InvalidValue) throw malformed(`the entry ${quoted(name)}: ${error.message}`, error);
    throw error;
  }
}

export function blobName(digest: Digest): string {
  return `blobs/${digest.algorithm}/${digest.hex}`;
}
