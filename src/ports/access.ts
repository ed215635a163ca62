import type { IncomingMessage } from 'node:http';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Action, Scope } from '../domain/scope.js';

/** Who sent a request, and what else the same credentials would allow. */
export interface Caller {
  /** Empty for anonymous. */
  readonly subject: string;
  /** Id of the access token that it logged in with. */
  readonly token?: string | undefined;
  may(action: Action, name: RepositoryName): boolean;
  /** Which repositories it may pull from, whatever its credentials were asked for. */
  pullable(): Promise<(name: RepositoryName) => boolean>;
}

/** An upload session, as its own address tells. */
export interface OpenedUpload {
  /** Who opened it. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** What a request needs to be allowed. */
export interface AccessNeeds {
  readonly scopes: readonly Scope[];
  /** What it would use if it were allowed; told to the client with what it needs. */
  readonly wished?: readonly Scope[];
  /**
   * The session that it brings bytes to: its opener may go on with the token that opened it, though that ran out
   * meanwhile.
   */
  readonly upload?: () => Promise<OpenedUpload | undefined>;
}

/** Decides before anything is looked up. @throws RegistryError UNAUTHORIZED, DENIED */
export interface AccessController {
  authorize(request: IncomingMessage, needs: AccessNeeds): Caller | Promise<Caller>;
}
