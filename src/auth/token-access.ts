import type { IncomingMessage } from 'node:http';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Action, Scope } from '../domain/scope.js';
import type { AccessController, AccessNeeds, Caller } from '../ports/access.js';
import type { Clock } from '../ports/clock.js';
import type { BearerClaims, BearerTokens } from './bearer-tokens.js';
import { unauthorized } from './challenge.js';
import type { TokenFault } from './challenge.js';
import type { ExternalIssuer } from './external-issuer.js';
import type { Generations } from './generations.js';
import type { GrantPolicy } from './policy.js';

export interface TokenAccessParts {
  readonly tokens: BearerTokens;
  /** Trusted beside ourselves. */
  readonly external?: ExternalIssuer | undefined;
  readonly generations: Generations;
  readonly policy: GrantPolicy;
  readonly clock: Clock;
  /** Where the client that sent the request gets its tokens. */
  readonly realmOf: (request: IncomingMessage) => string;
  readonly service: string;
}

/** A token that was read. */
interface KnownToken extends BearerClaims {
  readonly caller: Caller;
  /** See `BearerTokens.holdsUntil` and `changes`. */
  holdsUntil: number;
  changes: number;
}

const BEARER = /^bearer +(?=[^ ])/i;
const REMEMBERED_CHARACTERS = 16 * 1024 * 1024;
/** How long after its end a token still brings bytes to the upload session that it opened. */
export const GRACE_SECONDS = 24 * 60 * 60;
const LEEWAY_SECONDS = 5;

/** `auth.mode: token`: whoever shows a bearer token of ours may do what the token says. */
export class TokenAccess implements AccessController {
  /** By their texts, in the order in which they were first met. */
  private readonly known = new Map<string, KnownToken>();
  private knownCharacters = 0;

  constructor(private readonly parts: TokenAccessParts) {
    parts.generations.onChange((witness) => parts.policy.forget(witness));
  }

  authorize(request: IncomingMessage, needs: AccessNeeds): Caller | Promise<Caller> {
    const text = bearerOf(request.headers.authorization);
    if (text === undefined) throw this.refusal(request, needs);
    const token = this.known.get(text);
    if (token === undefined || !this.holdsForSure(token)) return this.authorizeSlowly(request, needs, text);
    if (this.isOver(token)) return this.authorizeLate(request, needs, token);
    return this.admit(request, needs, token);
  }

  private async authorizeSlowly(request: IncomingMessage, needs: AccessNeeds, text: string): Promise<Caller> {
    const token = await this.tokenOf(text);
    if (token === undefined || !(await this.parts.tokens.holds(token)))
      throw this.refusal(request, needs, 'invalid_token');
    if (this.isOver(token)) return this.authorizeLate(request, needs, token);
    return this.admit(request, needs, token);
  }

  /** With a token whose time is over, but which was not revoked. */
  private async authorizeLate(
    request: IncomingMessage,
    needs: AccessNeeds,
    token: KnownToken,
  ): Promise<Caller> {
    const seconds = this.parts.clock.now() / 1000;
    const upload = seconds - token.expiresAt > GRACE_SECONDS ? undefined : await needs.upload?.();
    const startedAt = (upload?.startedAt ?? 0) / 1000;
    // Whether another issuer's token was revoked is not known.
    const isOpener =
      upload !== undefined &&
      token.keyId !== undefined &&
      token.principal !== undefined &&
      upload.subject === token.principal.subject &&
      startedAt >= token.issuedAt - LEEWAY_SECONDS &&
      startedAt <= token.expiresAt + LEEWAY_SECONDS;
    if (!isOpener) throw this.refusal(request, needs, 'invalid_token');
    return this.admit(request, needs, token);
  }

  private admit(request: IncomingMessage, needs: AccessNeeds, token: KnownToken): Caller | Promise<Caller> {
    if (!needs.scopes.every((scope) => allows(token, scope)))
      throw this.refusal(request, needs, 'insufficient_scope');
    const missed = needs.wished?.filter((scope) => !allows(token, scope)) ?? [];
    return missed.length === 0 ? token.caller : this.admitWithout(missed, request, needs, token);
  }

  /** What is wished is done without, unless the client need only ask for a token that allows it. */
  private async admitWithout(
    missed: readonly Scope[],
    request: IncomingMessage,
    needs: AccessNeeds,
    { caller, principal }: KnownToken,
  ): Promise<Caller> {
    for (const scope of missed) {
      const granted = await this.parts.policy.granted(principal, scope);
      if (granted.length === scope.actions.length) throw this.refusal(request, needs, 'insufficient_scope');
    }
    return caller;
  }

  private async tokenOf(text: string): Promise<KnownToken | undefined> {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const claims = (await this.parts.tokens.read(text)) ?? this.parts.external?.read(text);
    if (claims === undefined) return undefined;
    const caller = new TokenCaller(claims, this.parts.policy);
    const token = { ...claims, caller, holdsUntil: 0, changes: 0 };
    this.remember(text, token);
    return token;
  }

  /** The oldest go; a token is good for minutes only. */
  private remember(text: string, token: KnownToken): void {
    if (!this.known.has(text)) this.knownCharacters += text.length;
    this.known.set(text, token);
    for (const oldest of this.known.keys()) {
      if (this.knownCharacters <= REMEMBERED_CHARACTERS) return;
      this.known.delete(oldest);
      this.knownCharacters -= oldest.length;
    }
  }

  /** Whether nothing was revoked, as far as that is known without asking the store. */
  private holdsForSure(token: KnownToken): boolean {
    const { tokens, clock } = this.parts;
    const now = clock.now();
    if (token.holdsUntil > now && token.changes === tokens.changes) return true;
    token.changes = tokens.changes;
    token.holdsUntil = tokens.holdsUntil(token);
    return token.holdsUntil > now;
  }

  private isOver({ expiresAt }: KnownToken): boolean {
    return this.parts.clock.now() / 1000 > expiresAt + LEEWAY_SECONDS;
  }

  private refusal(request: IncomingMessage, { scopes, wished = [] }: AccessNeeds, fault?: TokenFault): Error {
    const challenge = { realm: this.parts.realmOf(request), service: this.parts.service };
    return unauthorized(challenge, [...scopes, ...wished], fault);
  }
}

/** RFC 6750 §2.1. */
function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [scheme] = BEARER.exec(header) ?? [];
  return scheme === undefined ? undefined : header.slice(scheme.length);
}

function allows({ caller, access }: KnownToken, scope: Scope): boolean {
  if (scope.type === 'registry') return access.some(({ type }) => type === 'registry');
  return scope.actions.every((action) => caller.may(action, scope.name));
}

class TokenCaller implements Caller {
  readonly subject: string;
  readonly token: string | undefined;
  private readonly actions = new Map<RepositoryName, Set<Action>>();

  constructor(
    private readonly claims: BearerClaims,
    private readonly policy: GrantPolicy,
  ) {
    this.subject = claims.principal?.subject ?? '';
    this.token = claims.principal?.token;
    for (const scope of claims.access) this.add(scope);
  }

  may(action: Action, name: RepositoryName): boolean {
    return this.actions.get(name)?.has(action) === true;
  }

  pullable(): Promise<(name: RepositoryName) => boolean> {
    return this.claims.pullsAll === true
      ? Promise.resolve(() => true)
      : this.policy.pullable(this.claims.principal);
  }

  private add(scope: Scope): void {
    if (scope.type !== 'repository') return;
    const actions = this.actions.get(scope.name) ?? new Set();
    for (const action of scope.actions) actions.add(action);
    this.actions.set(scope.name, actions);
  }
}
