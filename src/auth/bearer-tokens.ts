import jwt from 'jsonwebtoken';
import { grantRecord, granteeText, parseGrant, parseGrantee } from '../domain/grant.js';
import type { GrantRecord } from '../domain/grant.js';
import { parseScopes } from '../domain/scope.js';
import type { Scope } from '../domain/scope.js';
import type { Clock } from '../ports/clock.js';
import type { Principal } from '../ports/auth.js';
import type { Ids } from '../ports/ids.js';
import type { Generations, Witness } from './generations.js';
import { readSignedToken } from './signed-token.js';
import type { SigningKeys } from './signing-keys.js';

/** What a bearer token of ours says. */
export interface BearerClaims {
  /** Undefined for anonymous. */
  readonly principal: Principal | undefined;
  readonly access: readonly Scope[];
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The texts that these had; the token is over when one has another. */
  readonly generations: readonly (readonly [Witness, string])[];
  /** Of the key of ours that signed it; the token is over when there is none. */
  readonly keyId?: string;
  /** Whether it shows the whole catalog. */
  readonly pullsAll?: boolean;
}

interface Payload {
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
  readonly access: readonly {
    readonly type: string;
    readonly name: string;
    readonly actions: readonly string[];
  }[];
  /** Absent for anonymous. */
  readonly stackyard?: {
    readonly generations: Readonly<Record<string, string>>;
    readonly implied?: readonly GrantRecord[];
    readonly limits?: readonly GrantRecord[];
    readonly token?: string;
  };
}

export interface IssuedToken {
  readonly token: string;
  /** Seconds. */
  readonly expiresIn: number;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
}

const LEEWAY_SECONDS = 5;
/** By which clocks of nodes may differ: a token is good everywhere at once. */
const SKEW_SECONDS = 60;

export interface BearerParts {
  readonly keys: SigningKeys;
  readonly generations: Generations;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * The tokens that callers of the registry API show: JWTs (RFC 7519) with distribution's `access` claim, signed ES256.
 * They name their principal's grantees with the generation that each had, so that a revocation ends them before their
 * time.
 */
export class BearerTokens {
  constructor(
    private readonly parts: BearerParts,
    private readonly options: { readonly issuer: string; readonly service: string; readonly seconds: number },
  ) {}

  async issue(principal: Principal | undefined, access: readonly Scope[]): Promise<IssuedToken> {
    const { keys, clock, ids } = this.parts;
    const { issuer, service, seconds } = this.options;
    const issuedAt = clock.now();
    const iat = Math.floor(issuedAt / 1000);
    const exp = endOf(principal, iat, seconds);
    const payload = {
      iss: issuer,
      sub: principal?.subject ?? '',
      aud: service,
      iat,
      nbf: iat - SKEW_SECONDS,
      exp,
      jti: ids.unique(),
      access,
      ...(principal !== undefined && { stackyard: await this.recordOf(principal) }),
    };
    const { id, privateKey } = await keys.current();
    const token = jwt.sign(payload, privateKey, { algorithm: 'ES256', keyid: id });
    return { token, expiresIn: exp - iat, issuedAt };
  }

  /** What a token says that one of our keys signed for this service, also when its time is over; undefined for others. */
  async read(token: string): Promise<BearerClaims | undefined> {
    const { issuer, service } = this.options;
    const rules = { issuer, audience: service, leeway: LEEWAY_SECONDS, late: true };
    const read = await readSignedToken(token, this.parts, rules);
    return read && claimsOf(read.payload as Payload, read.keyId);
  }

  /** To be given to `wereCurrent`. */
  mark(): number {
    return this.parts.generations.mark();
  }

  /** Whether the generations that a token of the principal is issued with were known at a mark already. */
  wereCurrent(principal: Principal, mark: number): boolean {
    return this.parts.generations.knewAll(witnessesOf(principal), mark);
  }

  /** Whether nothing that a token rests on is over. */
  async holds({ generations, keyId }: BearerClaims): Promise<boolean> {
    if (keyId !== undefined && (await this.parts.keys.find(keyId)) === undefined) return false;
    const current = await Promise.all(
      generations.map(async ([witness, text]) => (await this.parts.generations.current(witness)) === text),
    );
    return current.every(Boolean);
  }

  /** Until when (in milliseconds since 1970) that is known without asking the store; 0 where it is not. */
  holdsUntil({ generations, keyId }: BearerClaims): number {
    const key = keyId === undefined ? undefined : this.parts.keys.peek(keyId);
    if (keyId !== undefined && key?.value === undefined) return 0;
    let until = key?.until ?? Infinity;
    for (const [witness, text] of generations) {
      const known = this.parts.generations.peek(witness);
      if (known?.value !== text) return 0;
      until = Math.min(until, known.until);
    }
    return until;
  }

  /** Grows with each revocation that is made here: what `holdsUntil` answered before counts no longer. */
  get changes(): number {
    return this.parts.keys.changes + this.parts.generations.changes;
  }

  private async recordOf(principal: Principal): Promise<Payload['stackyard']> {
    const generations = await Promise.all(
      witnessesOf(principal).map(
        async (witness) => [witness, await this.parts.generations.current(witness)] as const,
      ),
    );
    return {
      generations: Object.fromEntries(generations),
      ...(principal.implied.length > 0 && { implied: principal.implied.map(grantRecord) }),
      ...(principal.limits && { limits: principal.limits.map(grantRecord) }),
      ...(principal.token !== undefined && { token: principal.token }),
    };
  }
}

/** In seconds: the principal's own end where that is sooner, and never at once. */
function endOf(principal: Principal | undefined, iat: number, seconds: number): number {
  const end = Math.floor((principal?.expiresAt ?? Infinity) / 1000);
  return Math.max(iat + 1, Math.min(iat + seconds, end));
}

function witnessesOf({ grantees, token }: Principal): Witness[] {
  const witnesses = grantees.map(granteeText) as Witness[];
  return token === undefined ? witnesses : [...witnesses, `token:${token}`];
}

/** Our own signature is on it: nobody else wrote this. */
function claimsOf({ sub, iat, exp, access, stackyard }: Payload, keyId: string): BearerClaims {
  const generations = Object.entries(stackyard?.generations ?? {}) as [Witness, string][];
  const scopes = access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`);
  const principal: Principal | undefined = stackyard && {
    subject: sub,
    grantees: generations
      .filter(([witness]) => !witness.startsWith('token:'))
      .map(([text]) => parseGrantee(text)),
    implied: (stackyard.implied ?? []).map(parseGrant),
    ...(stackyard.limits && { limits: stackyard.limits.map(parseGrant) }),
    ...(stackyard.token !== undefined && { token: stackyard.token }),
  };
  return { principal, access: parseScopes(scopes), issuedAt: iat, expiresAt: exp, generations, keyId };
}
