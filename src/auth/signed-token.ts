import jwt from 'jsonwebtoken';
import type { Clock } from '../ports/clock.js';
import type { SigningKeys } from './signing-keys.js';

export interface SignedTokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Seconds by which clocks may differ. */
  readonly leeway: number;
  /** The `typ` of its header; any where there is none. */
  readonly type?: string;
  /** Whether one whose time is over is read too. */
  readonly late?: boolean;
}

/** What a token of ours holds, and the key that signed it. */
export interface SignedToken {
  readonly payload: unknown;
  readonly keyId: string;
}

/**
 * The payload of a token that one of our keys signed by these rules, which has an end; undefined for any other text.
 * @throws StorageError where the key cannot be looked up
 */
export async function readSignedToken(
  text: string,
  { keys, clock }: { readonly keys: SigningKeys; readonly clock: Clock },
  { issuer, audience, leeway, type, late = false }: SignedTokenRules,
): Promise<SignedToken | undefined> {
  const header = headerOf(text);
  const { alg, typ, kid } = header ?? {};
  if (alg !== 'ES256' || typeof kid !== 'string' || (type !== undefined && typ !== type)) return undefined;
  const key = await keys.find(kid);
  if (key === undefined) return undefined;
  try {
    const payload = jwt.verify(text, key.publicKey, {
      algorithms: ['ES256'],
      issuer,
      audience,
      clockTimestamp: Math.floor(clock.now() / 1000),
      clockTolerance: leeway,
      ignoreExpiration: late,
    });
    return typeof payload === 'object' && typeof payload.exp === 'number'
      ? { payload, keyId: kid }
      : undefined;
  } catch {
    return undefined; // the library throws what it meets, a TypeError for a signature of a wrong length
  }
}

/** Of a JWT; undefined for a text that has none. */
export function headerOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(text.split('.', 1)[0] ?? '', 'base64url').toString());
    return typeof header === 'object' && header !== null ? (header as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
