import { X509Certificate, createHash, createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';
import { thumbprintOf } from './signing-keys.js';

/** A public key of another issuer. */
export interface TrustedKey {
  /** Whatever its tokens may call it in their `kid`. */
  readonly ids: readonly string[];
  readonly key: KeyObject;
  /** Those that such a key can sign with: never one by which the key itself would be the secret. */
  readonly algorithms: readonly Algorithm[];
  readonly certificate?: X509Certificate;
}

const EC_ALGORITHMS: ReadonlyMap<string | undefined, Algorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
const RSA_ALGORITHMS: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const PEM_BLOCK = /-----BEGIN (CERTIFICATE|PUBLIC KEY)-----[\s\S]+?-----END \1-----/g;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LIBTRUST_BYTES = 30;

/** The keys of a file: a JWKS (RFC 7517), or certificates and public keys in PEM. @throws Error in one line */
export function parseTrustedKeys(text: string): readonly TrustedKey[] {
  const keys = text.trimStart().startsWith('{') ? keysOfJwks(text) : keysOfPem(text);
  if (keys.length === 0)
    throw new Error('it holds no key; give a JWKS, or certificates or public keys in PEM');
  return keys;
}

/** The key of a leaf certificate that is one of these, or that one of these signed, at a time (in milliseconds). */
export function keyOfChain(
  chain: readonly string[],
  trusted: readonly TrustedKey[],
  now: number,
): TrustedKey | undefined {
  const leaf = certificateOf(chain[0] ?? '');
  if (leaf === undefined || now < Date.parse(leaf.validFrom) || now > Date.parse(leaf.validTo))
    return undefined;
  const isTrusted = trusted.some(
    ({ certificate, key }) =>
      certificate !== undefined &&
      (certificate.raw.equals(leaf.raw) ||
        (certificate.ca && leaf.checkIssued(certificate) && leaf.verify(key))),
  );
  return isTrusted ? trustedKey(leaf.publicKey, []) : undefined;
}

function keysOfJwks(text: string): readonly TrustedKey[] {
  const { keys = [] } = JSON.parse(text) as { keys?: readonly (JsonWebKey & { kid?: string })[] };
  return keys.flatMap((jwk) => {
    if (jwk.kty !== 'RSA' && jwk.kty !== 'EC') return [];
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return trustedKey(key, jwk.kid === undefined ? [] : [jwk.kid]) ?? [];
  });
}

function keysOfPem(text: string): readonly TrustedKey[] {
  return [...text.matchAll(PEM_BLOCK)].flatMap(([block, kind]) => {
    if (kind !== 'CERTIFICATE') return trustedKey(createPublicKey(block), []) ?? [];
    const certificate = new X509Certificate(block);
    return trustedKey(certificate.publicKey, [], certificate) ?? [];
  });
}

function trustedKey(
  key: KeyObject,
  ids: readonly string[],
  certificate?: X509Certificate,
): TrustedKey | undefined {
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) return undefined;
  return {
    ids: [...ids, thumbprintOf(key), libtrustIdOf(key)],
    key,
    algorithms,
    ...(certificate && { certificate }),
  };
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly Algorithm[] {
  if (asymmetricKeyType === 'rsa') return RSA_ALGORITHMS;
  const algorithm =
    asymmetricKeyType === 'ec' ? EC_ALGORITHMS.get(asymmetricKeyDetails?.namedCurve) : undefined;
  return algorithm === undefined ? [] : [algorithm];
}

/** How distribution 2.x names keys: base32 of the begin of the hash of the key's DER, in groups of four. */
function libtrustIdOf(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  const bytes = createHash('sha256').update(der).digest().subarray(0, LIBTRUST_BYTES);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const text = (bits.match(/.{5}/g) ?? []).map((five) => BASE32[Number.parseInt(five, 2)]).join('');
  return (text.match(/.{4}/g) ?? []).join(':');
}

function certificateOf(base64: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined; // no certificate: whoever sent it is nobody
  }
}
