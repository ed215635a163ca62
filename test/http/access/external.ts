import { createHash, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import type { AuthRules } from './token-rules.js';

export const ISSUER = 'https://tokens.example';

/** Of a token: its header's key id, none where that is null; how long it is good for; other claims. */
interface TokenChange extends Readonly<Record<string, unknown>> {
  readonly kid?: string | null;
  readonly seconds?: number;
}

/** Another token server: RS256, as most are. */
export class ExternalSigner {
  private readonly directory = mkdtempSync(join(tmpdir(), 'sy-external-'));
  readonly publicKey: KeyObject;
  private readonly privateKey: KeyObject;

  constructor() {
    ({ publicKey: this.publicKey, privateKey: this.privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
    }));
    const jwk = { ...this.publicKey.export({ format: 'jwk' }), kid: 'theirs' };
    writeFileSync(this.file('jwks.json'), JSON.stringify({ keys: [jwk] }));
    writeFileSync(this.file('key.pem'), this.publicKey.export({ format: 'pem', type: 'spki' }));
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  rules(keys = 'jwks.json'): AuthRules['external'] {
    return { issuer: ISSUER, keys: this.file(keys), audience: 'registry.example' };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** `now` and `seconds` in milliseconds and seconds; undefined claims are left out. */
  token(
    now: number,
    access: readonly object[],
    { kid = 'theirs', seconds = 300, ...claims }: TokenChange = {},
  ): string {
    const iat = Math.floor(now / 1000);
    const payload = {
      iss: ISSUER,
      aud: 'registry.example',
      sub: 'their user',
      iat,
      exp: iat + seconds,
      access,
      ...claims,
    };
    const text = JSON.stringify(payload);
    const header = { alg: 'RS256', typ: 'JWT', ...(kid !== null && { kid }) } as const;
    return jwt.sign(JSON.parse(text) as object, this.privateKey, { algorithm: 'RS256', header });
  }
}

/** How distribution 2.8 names a key (libtrust). */
export function libtrustId(key: KeyObject): string {
  const bytes = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let at = 47; at >= 0; at -= 1) text += alphabet[Number((bits >> BigInt(at * 5)) & 31n)];
  return (text.match(/.{4}/g) ?? []).join(':');
}
