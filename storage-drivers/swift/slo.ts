import { createHash } from 'node:crypto';

/** What a large object is made of: an object of the container, or another manifest. */
export interface SloPart {
  readonly object: string;
  /** MD5 in hex; a manifest's is that of its parts' etags. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly isManifest: boolean;
}

/** The body of `PUT …?multipart-manifest=put`. */
export function encodeSlo(container: string, parts: readonly SloPart[]): Buffer {
  return Buffer.from(
    JSON.stringify(
      parts.map(({ object, etag, size }) => ({ path: `/${container}/${object}`, etag, size_bytes: size })),
    ),
  );
}

/** The etag that Swift gives a manifest of these parts: the MD5 of their etags. */
export function sloEtag(parts: readonly Pick<SloPart, 'etag'>[]): string {
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(etag);
  return md5.digest('hex');
}

interface StoredPart {
  readonly name: string;
  readonly hash: string;
  readonly bytes: number;
  readonly sub_slo?: boolean;
}

/** The answer to `GET …?multipart-manifest=get`. @throws SyntaxError, TypeError for anything else */
export function decodeSlo(container: string, text: Buffer): SloPart[] {
  const stored = JSON.parse(text.toString()) as readonly StoredPart[];
  return stored.map(({ name, hash, bytes, sub_slo }) => {
    const prefix = `/${container}/`;
    if (!name.startsWith(prefix) || !Number.isSafeInteger(bytes))
      throw new TypeError(`a part ${name} outside the container`);
    return { object: name.slice(prefix.length), etag: hash, size: bytes, isManifest: sub_slo === true };
  });
}

/** As an HTTP header has it: quoted for a manifest, bare for a plain object. */
export function bareEtag(header: string | readonly string[] | undefined): string {
  return (typeof header === 'string' ? header : '').replaceAll('"', '');
}
