import { createHash } from 'node:crypto';
import { isLocalName, parseGrant } from '../../domain/grant.js';
import type { Grant } from '../../domain/grant.js';
import type { AuthBackend, Credentials, PastLogin, Principal } from '../../ports/auth.js';
import { looksLikeAccessToken } from '../access-tokens.js';
import type { AccessTokenRecord, AccessTokens } from '../access-tokens.js';
import type { PasswordChecks } from '../password-checks.js';
import { personalGrants } from '../personal-namespace.js';
import { EVERYTHING } from '../policy.js';
import { granteesOf } from '../principals.js';
import type { FoundPrincipal, PrincipalRecord, Principals } from '../principals.js';

const PROOF_LENGTH = 22;

interface HeldToken {
  readonly id: string;
  readonly record: AccessTokenRecord;
}

export interface LocalParts {
  readonly principals: Principals;
  readonly tokens: AccessTokens;
  readonly passwords: PasswordChecks;
  /** A repository pattern in which `{name}` stands for a user: each has all rights in its own. */
  readonly personalNamespaces?: string | undefined;
}

/** Users and robots of the store, by password or access token. */
export class LocalBackend implements AuthBackend {
  readonly name = 'local';

  constructor(private readonly parts: LocalParts) {}

  async authenticate(credentials: Credentials): Promise<Principal | undefined> {
    const { username, secret } = credentials;
    return looksLikeAccessToken(secret) ? this.byToken(username, secret) : this.byPassword(credentials);
  }

  async authenticateToken(secret: string): Promise<Principal | undefined> {
    const token = await this.parts.tokens.find(secret);
    return token && this.ownerOf(token, token.record.owner);
  }

  async recall({ subject, token, proof }: PastLogin): Promise<Principal | undefined> {
    if (token !== undefined) {
      const record = await this.parts.tokens.findById(token);
      return record && this.ownerOf({ id: token, record }, subject);
    }
    const found = await this.parts.principals.findForLogin(subject);
    return found && proof === proofOf(found.record) ? this.principalOf(subject, found) : undefined;
  }

  certified(name: string): Promise<Principal | undefined> {
    return this.find(name);
  }

  /** As it would be after a login by password. */
  async find(name: string): Promise<Principal | undefined> {
    const found = await this.parts.principals.findForLogin(name);
    return found && this.principalOf(name, found);
  }

  private async byToken(username: string, secret: string): Promise<Principal | undefined> {
    const token = await this.parts.tokens.find(secret);
    return token && this.ownerOf(token, username);
  }

  /** Who uses the token, where that is its owner. */
  private async ownerOf(token: HeldToken, username: string): Promise<Principal | undefined> {
    if (token.record.owner !== username) return undefined;
    const found = await this.parts.principals.findForLogin(username);
    if (found?.record.createdAt !== token.record.ownerCreatedAt) return undefined;
    const principal = this.principalOf(username, found, token);
    if (principal !== undefined) await this.parts.tokens.used(token.id);
    return principal;
  }

  private async byPassword({ username, secret, ...caller }: Credentials): Promise<Principal | undefined> {
    // No user is called so, which tells nobody anything: such names are Keystone's.
    if (!isLocalName(username)) return undefined;
    const found = await this.parts.principals.findForLogin(username);
    const matches = await this.parts.passwords.matches(username, secret, found?.record.password, caller);
    return matches && found !== undefined ? this.principalOf(username, found) : undefined;
  }

  private principalOf(
    name: string,
    { record, isDisabled }: FoundPrincipal,
    token?: HeldToken,
  ): Principal | undefined {
    if (isDisabled) return undefined;
    const { limits, expiresAt } = token?.record ?? {};
    return {
      subject: name,
      grantees: granteesOf(name, record),
      implied: this.impliedOf(name, record),
      ...(record.admin === true && { isAdmin: true }),
      ...(limits && { limits: limits.map(parseGrant) }),
      ...(expiresAt !== undefined && { expiresAt: Date.parse(expiresAt) }),
      ...(token ? { token: token.id } : { proof: proofOf(record) }),
    };
  }

  private impliedOf(name: string, { admin, kind }: PrincipalRecord): readonly Grant[] {
    if (admin === true) return [EVERYTHING];
    return kind === 'user' ? personalGrants(this.parts.personalNamespaces, name) : [];
  }
}

/** Of the password, salted as its hash is; an account without one cannot be recalled by it. */
function proofOf({ password, createdAt }: PrincipalRecord): string {
  return createHash('sha256')
    .update(`${createdAt} ${password ?? ''}`)
    .digest('base64url')
    .slice(0, PROOF_LENGTH);
}
