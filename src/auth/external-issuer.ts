import jwt from 'jsonwebtoken';
import type { Algorithm } from 'jsonwebtoken';
import { parseScopes } from '../domain/scope.js';
import type { Scope } from '../domain/scope.js';
import type { Clock } from '../ports/clock.js';
import type { BearerClaims } from './bearer-tokens.js';
import { headerOf } from './signed-token.js';
import { keyOfChain } from './trusted-keys.js';
import type { TrustedKey } from './trusted-keys.js';

const LEEWAY_SECONDS = 60;

/**
 * The tokens of another token server, as distribution trusts one: their `access` claim is all that counts, nothing of
 * them can be revoked here.
 */
export class ExternalIssuer {
  constructor(
    private readonly keys: readonly TrustedKey[],
    private readonly options: { readonly issuer: string; readonly audience: string },
    private readonly clock: Clock,
  ) {}

  /** What a token of this issuer for this registry says, also when its time is over; undefined for any other text. */
  read(text: string): BearerClaims | undefined {
    const header = headerOf(text);
    const key = header && this.keyOf(header);
    if (key === undefined) return undefined;
    try {
      const payload: unknown = jwt.verify(text, key.key, {
        algorithms: [...key.algorithms] as Algorithm[],
        ...this.options,
        clockTimestamp: Math.floor(this.clock.now() / 1000),
        clockTolerance: LEEWAY_SECONDS,
        ignoreExpiration: true,
      });
      return claimsOf(payload as Readonly<Record<string, unknown>>);
    } catch {
      return undefined; // the library throws what it meets
    }
  }

  private keyOf({ kid, x5c }: Readonly<Record<string, unknown>>): TrustedKey | undefined {
    if (typeof kid === 'string') {
      const named = this.keys.find(({ ids }) => ids.includes(kid));
      if (named !== undefined) return named;
    }
    if (Array.isArray(x5c)) return keyOfChain(x5c.map(String), this.keys, this.clock.now());
    return kid === undefined && this.keys.length === 1 ? this.keys[0] : undefined;
  }
}

function claimsOf({
  sub,
  iat,
  nbf,
  exp,
  access,
}: Readonly<Record<string, unknown>>): BearerClaims | undefined {
  if (typeof exp !== 'number') return undefined;
  const issuedAt = [iat, nbf].find((time) => typeof time === 'number') ?? exp;
  const scopes = scopesOf(access);
  return {
    principal: { subject: typeof sub === 'string' ? sub : '', grantees: [], implied: [] },
    access: scopes,
    issuedAt,
    expiresAt: exp,
    generations: [],
    pullsAll: scopes.some(({ type }) => type === 'registry'),
  };
}

function scopesOf(access: unknown): Scope[] {
  if (!Array.isArray(access)) return [];
  const texts = (access as readonly Readonly<Record<string, unknown>>[]).map(({ type, name, actions }) =>
    [type, name, Array.isArray(actions) ? actions.join(',') : ''].map(String).join(':'),
  );
  return parseScopes(texts.filter((text) => !text.includes(' ')));
}
