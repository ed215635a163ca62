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
import type { PrincipalRecord, Principals } from '../principals.js';

const PROOF_LENGTH = 22;

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

  async authenticate({ username, secret }: Credentials): Promise<Principal | undefined> {
    return looksLikeAccessToken(secret) ? this.byToken(username, secret) : this.byPassword(username, secret);
  }

  async recall({ subject, token, proof }: PastLogin): Promise<Principal | undefined> {
    const record = await this.parts.principals.find(subject);
    if (record === undefined) return undefined;
    if (token === undefined) return proof === proofOf(record) ? this.principalOf(subject, record) : undefined;
    const tokenRecord = await this.parts.tokens.findById(token);
    if (tokenRecord?.owner !== subject) return undefined;
    return this.principalOf(subject, record, { id: token, record: tokenRecord });
  }

  certified(name: string): Promise<Principal | undefined> {
    return this.find(name);
  }

  /** As it would be after a login by password. */
  async find(name: string): Promise<Principal | undefined> {
    const record = await this.parts.principals.find(name);
    return record && this.principalOf(name, record);
  }

  private async byToken(username: string, secret: string): Promise<Principal | undefined> {
    const token = await this.parts.tokens.find(secret);
    if (token?.record.owner !== username) return undefined;
    const record = await this.parts.principals.find(username);
    const principal = record && this.principalOf(username, record, token);
    if (principal !== undefined) await this.parts.tokens.used(token.id);
    return principal;
  }

  private async byPassword(username: string, password: string): Promise<Principal | undefined> {
    // No user is called so, which tells nobody anything: such names are Keystone's.
    if (!isLocalName(username)) return undefined;
    const record = await this.parts.principals.find(username);
    const matches = await this.parts.passwords.matches(username, password, record?.password);
    return matches && record !== undefined ? this.principalOf(username, record) : undefined;
  }

  private principalOf(
    name: string,
    record: PrincipalRecord,
    token?: { readonly id: string; readonly record: AccessTokenRecord },
  ): Principal | undefined {
    if (record.disabled === true) return undefined;
    const limits = token?.record.limits?.map(parseGrant);
    return {
      subject: name,
      grantees: granteesOf(name, record),
      implied: this.impliedOf(name, record),
      ...(limits && { limits }),
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
