import { createHmac } from 'node:crypto';
import { encodePath } from './object-names.js';

/** Best first. */
export const TEMP_URL_DIGESTS = ['sha256', 'sha512', 'sha1'] as const;
export type TempUrlDigest = (typeof TEMP_URL_DIGESTS)[number];

/** A GET's signature admits HEAD too. */
export type TempUrlMethod = 'GET' | 'HEAD';

export interface TempUrlRequest {
  /** Of the account. */
  readonly storageUrl: URL;
  readonly container: string;
  readonly object: string;
  readonly method: TempUrlMethod;
  /** Cut to whole seconds. */
  readonly expiresAt: Date;
  readonly key: string;
  readonly digest: TempUrlDigest;
}

/**
 * A URL by which anybody reads the object until it expires (Swift's tempurl middleware): the path is signed as Swift
 * sees it, decoded, and sent encoded.
 * @throws TypeError for a name that no URL holds: one with a component . or ..
 */
export function signTempUrl(request: TempUrlRequest): URL {
  const { storageUrl, container, object, method, expiresAt, key, digest } = request;
  const account = storageUrl.pathname.replace(/\/+$/, '');
  const expires = Math.floor(expiresAt.getTime() / 1000);
  const signed = `${decodeURIComponent(account)}/${container}/${object}`;
  const signature = createHmac(digest, key).update(`${method}\n${expires}\n${signed}`).digest('hex');
  const path = `${account}/${encodePath(container)}/${encodePath(object)}`;
  const url = new URL(`${storageUrl.origin}${path}?temp_url_sig=${signature}&temp_url_expires=${expires}`);
  // Parsing resolves . and .., encoded ones too.
  if (url.pathname !== path) throw new TypeError(`no URL can name the object ${JSON.stringify(object)}`);
  return url;
}
