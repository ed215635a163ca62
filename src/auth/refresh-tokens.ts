import jwt from 'jsonwebtoken';
import { granteeText } from '../domain/grant.js';
import type { Clock } from '../ports/clock.js';
import type { Generations, Witness } from './generations.js';
import type { Login, Logins } from './logins.js';
import type { SigningKeys } from './signing-keys.js';

interface Payload {
  readonly sub: string;
  readonly exp: number;
  readonly backend: string;
  readonly token?: string;
  readonly generations: Readonly<Record<string, string>>;
}

const KIND = 'refresh+jwt';

/**
 * What a client keeps instead of its password (OAuth 2.0, RFC 6749 §1.5). It names the login, signed; that is looked
 * up anew each time, and ends with the generation of its principal or access token.
 */
export class RefreshTokens {
  constructor(
    private readonly parts: {
      readonly keys: SigningKeys;
      readonly generations: Generations;
      readonly logins: Logins;
      readonly clock: Clock;
    },
    private readonly options: { readonly issuer: string; readonly service: string; readonly seconds: number },
  ) {}

  /** Undefined where the backend could not recall the login. */
  async issue({ principal, backend }: Login): Promise<string | undefined> {
    if (backend.recall === undefined) return undefined;
    const [self] = principal.grantees;
    const witnesses = [
      ...(self === undefined ? [] : [granteeText(self)]),
      ...(principal.token === undefined ? [] : [`token:${principal.token}`]),
    ] as Witness[];
    const generations = await Promise.all(
      witnesses.map(async (witness) => [witness, await this.parts.generations.current(witness)] as const),
    );
    const { issuer, service, seconds } = this.options;
    const now = Math.floor(this.parts.clock.now() / 1000);
    const payload = {
      iss: issuer,
      aud: `${service}/refresh`,
      sub: principal.subject,
      iat: now,
      exp: now + seconds,
      backend: backend.name,
      ...(principal.token !== undefined && { token: principal.token }),
      generations: Object.fromEntries(generations),
    };
    const { id, privateKey } = await this.parts.keys.current();
    const header = { alg: 'ES256', kid: id, typ: KIND } as const;
    return jwt.sign(payload, privateKey, { algorithm: 'ES256', header });
  }

  /** The login that the token names, as it is now; undefined where it is over. */
  async redeem(token: string): Promise<Login | undefined> {
    const payload = await this.read(token);
    if (payload === undefined) return undefined;
    for (const [witness, text] of Object.entries(payload.generations)) {
      if ((await this.parts.generations.current(witness as Witness)) !== text) return undefined;
    }
    return this.parts.logins.recall(payload.backend, {
      subject: payload.sub,
      ...(payload.token !== undefined && { token: payload.token }),
    });
  }

  private async read(token: string): Promise<Payload | undefined> {
    const header = jwt.decode(token, { complete: true })?.header;
    if (header?.alg !== 'ES256' || header.typ !== KIND || header.kid === undefined) return undefined;
    const key = await this.parts.keys.find(header.kid);
    if (key === undefined) return undefined;
    const { issuer, service } = this.options;
    try {
      const payload = jwt.verify(token, key.publicKey, {
        algorithms: ['ES256'],
        issuer,
        audience: `${service}/refresh`,
        clockTimestamp: Math.floor(this.parts.clock.now() / 1000),
      }) as unknown as Payload;
      return typeof payload.exp === 'number' ? payload : undefined;
    } catch (error) {
      if (error instanceof jwt.JsonWebTokenError) return undefined;
      throw error;
    }
  }
}
