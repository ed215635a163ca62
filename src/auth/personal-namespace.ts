import type { Grant } from '../domain/grant.js';
import { RepositoryPattern } from '../domain/repository-pattern.js';
import { ACTIONS } from '../domain/scope.js';

/**
 * All rights of a user in the repositories that `auth.personalNamespaces` gives it, `{name}` standing for its name;
 * none where that is not set, or where no repository can be called so.
 */
export function personalGrants(pattern: string | undefined, name: string): readonly Grant[] {
  const own = pattern?.replaceAll('{name}', name);
  return own !== undefined && RepositoryPattern.isValid(own)
    ? [{ repositories: RepositoryPattern.parse(own), actions: ACTIONS }]
    : [];
}
