import type { IncomingMessage } from 'node:http';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Action, Scope } from '../domain/scope.js';

/** Who sent a request, and what else the same credentials would allow. */
export interface Caller {
  /** Empty for anonymous. */
  readonly subject: string;
  may(action: Action, name: RepositoryName): boolean;
}

/** Decides before anything is looked up. @throws RegistryError UNAUTHORIZED, DENIED */
export interface AccessController {
  authorize(request: IncomingMessage, scopes: readonly Scope[]): Caller | Promise<Caller>;
}
