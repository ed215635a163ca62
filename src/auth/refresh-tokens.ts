import jwt from 'jsonwebtoken';
import type { Clock } from '../ports/clock.js';
import type { Login, Logins } from './logins.js';
import { readSignedToken } from './signed-token.js';
import type { SigningKeys } from './signing-keys.js';

interface Payload {
  readonly sub: string;
  readonly backend: string;
  readonly token?: string;
  readonly proof?: string;
}

const KIND = 'refresh+jwt';

/**
 * What a client keeps instead of its password (OAuth 2.0, RFC 6749 §1.5). It names the login, signed; that is looked
 * up anew each time, and ends with the password or the access token that it was made by.
 */
export class RefreshTokens {
  constructor(
    private readonly parts: {
      readonly keys: SigningKeys;
      readonly logins: Logins;
      readonly clock: Clock;
    },
    private readonly options: { readonly issuer: string; readonly service: string; readonly seconds: number },
  ) {}

  /** Undefined where the backend could not recall the login. */
  async issue({ principal, backend }: Login): Promise<string | undefined> {
    if (backend.recall === undefined) return undefined;
    const { subject, token, proof } = principal;
    const { issuer, service, seconds } = this.options;
    const now = Math.floor(this.parts.clock.now() / 1000);
    const payload = {
      iss: issuer,
      aud: `${service}/refresh`,
      sub: subject,
      iat: now,
      exp: now + seconds,
      backend: backend.name,
      ...(token !== undefined && { token }),
      ...(proof !== undefined && { proof }),
    };
    const { id, privateKey } = await this.parts.keys.current();
    const header = { alg: 'ES256', kid: id, typ: KIND } as const;
    return jwt.sign(payload, privateKey, { algorithm: 'ES256', header });
  }

  /** The login that the token names, as it is now; undefined where it is over. */
  async redeem(token: string): Promise<Login | undefined> {
    const payload = await this.read(token);
    if (payload === undefined) return undefined;
    const { sub, backend, token: accessToken, proof } = payload;
    return this.parts.logins.recall(backend, {
      subject: sub,
      ...(accessToken !== undefined && { token: accessToken }),
      ...(proof !== undefined && { proof }),
    });
  }

  private async read(token: string): Promise<Payload | undefined> {
    const { issuer, service } = this.options;
    const rules = { issuer, audience: `${service}/refresh`, leeway: 0, type: KIND };
    const read = await readSignedToken(token, this.parts, rules);
    return read && (read.payload as Payload);
  }
}
