import type { Grant, Grantee } from '../domain/grant.js';
import type { Action, Scope } from '../domain/scope.js';

/** What a client logs in with. */
export interface Credentials {
  readonly username: string;
  /** A password, or the secret of an access token or an application credential. */
  readonly secret: string;
  /** Of the client, where it is known. */
  readonly address?: string;
  /** Whether this account logged in from there lately. */
  readonly trusted?: boolean;
}

/** Who logged in, as one backend knows it. */
export interface Principal {
  /** The `sub` of its tokens; unique over all backends. */
  readonly subject: string;
  /** Whose stored grants it has: its own first, then those of its groups or roles. */
  readonly grantees: readonly Grantee[];
  /** What it may do without a stored grant. */
  readonly implied: readonly Grant[];
  /** Where given, it may do nothing beyond these. */
  readonly limits?: readonly Grant[];
  /** May administer the registry, unless limits are given. */
  readonly isAdmin?: boolean;
  /** Of the access token that it logged in with. */
  readonly token?: string;
  /** Milliseconds since 1970; where given, what it gets by this login ends then. */
  readonly expiresAt?: number;
  /** Where the backend can recall the login: a text that changes with the password. */
  readonly proof?: string;
}

/** One source of identities. */
export interface AuthBackend {
  readonly name: string;
  /**
   * The principal of right credentials; undefined for any others. Throwing says that it could not be decided.
   * @throws StorageError; BackendOutage
   */
  authenticate(credentials: Credentials): Promise<Principal | undefined>;
  /**
   * The principal that logged in before, as it is now; undefined where it may not log in any more. Only backends that
   * have it give refresh tokens.
   */
  recall?(login: PastLogin): Promise<Principal | undefined>;
  /** The owner of an access token of ours, whose secret tells by itself whose it is. */
  authenticateToken?(secret: string): Promise<Principal | undefined>;
  /** The principal of a name that the client's certificate, which was checked, proves to be its own. */
  certified?(name: string): Promise<Principal | undefined>;
}

export interface PastLogin {
  readonly subject: string;
  /** The access token that was used. */
  readonly token?: string;
  /** What the principal of that login had. */
  readonly proof?: string;
}

/** An identity service does not answer: neither a yes nor a no. */
export class BackendOutage extends Error {
  override readonly name = 'BackendOutage';
}

/** Decides what principals may do. */
export interface AccessPolicy {
  /** What of the scope is granted, in the order of the scope; nobody is `undefined`. */
  granted(principal: Principal | undefined, scope: Scope): Promise<readonly Action[] | readonly ['*']>;
}
