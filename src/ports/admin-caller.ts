import type { RepositoryName } from '../domain/repository-name.js';
import type { Action } from '../domain/scope.js';
import type { Actor } from './audit.js';

/** Who uses the admin API or the command line. */
export interface AdminCaller extends Actor {
  /** May do everything. */
  readonly isAdmin: boolean;
  may(action: Action, name: RepositoryName): Promise<boolean>;
  /** Which repositories it may pull from. */
  pullable(): Promise<(name: RepositoryName) => boolean>;
}

/** Where nobody needs a login, and on the command line of the server. */
export function allowedEverything(actor: Actor): AdminCaller {
  return { ...actor, isAdmin: true, may: async () => true, pullable: async () => () => true };
}
