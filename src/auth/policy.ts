import { granteeText } from '../domain/grant.js';
import type { Grant } from '../domain/grant.js';
import { RepositoryPattern } from '../domain/repository-pattern.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { ACTIONS } from '../domain/scope.js';
import type { Action, Scope } from '../domain/scope.js';
import type { AccessPolicy, Principal } from '../ports/auth.js';
import type { Grants } from './grants.js';

/** Why an action is allowed. */
export interface Reason {
  /** Whose grant it is: `kind:name`, or `anonymous`, or `implied` for what comes with being somebody. */
  readonly from: string;
  readonly grant: Grant;
}

export const EVERYTHING: Grant = { repositories: RepositoryPattern.parse('**'), actions: ACTIONS };

/** Grants of the store, what principals have of themselves, and what everybody may pull. */
export class GrantPolicy implements AccessPolicy {
  private readonly anonymous: readonly Grant[];

  constructor(
    private readonly grants: Grants,
    /** Patterns of the repositories that everybody may pull from. */
    anonymousPull: readonly string[],
  ) {
    this.anonymous = anonymousPull.map((text) => ({
      repositories: RepositoryPattern.parse(text),
      actions: ['pull'],
    }));
  }

  async granted(principal: Principal | undefined, scope: Scope): Promise<readonly Action[] | readonly ['*']> {
    if (scope.type === 'registry') {
      return principal !== undefined || this.anonymous.length > 0 ? ['*'] : [];
    }
    const held = await this.heldBy(principal);
    return scope.actions.filter((action) => reasonFor(held, principal, scope.name, action) !== undefined);
  }

  /** Which repositories it may pull from. */
  async pullable(principal: Principal | undefined): Promise<(name: RepositoryName) => boolean> {
    const held = await this.heldBy(principal);
    return (name) => reasonFor(held, principal, name, 'pull') !== undefined;
  }

  /** Of a grantee whose grants may have changed, as `kind:name`. */
  forget(grantee: string): void {
    this.grants.forget(grantee);
  }

  /** The first grant that allows it; undefined where none does. */
  async explain(
    principal: Principal | undefined,
    name: RepositoryName,
    action: Action,
  ): Promise<Reason | undefined> {
    return reasonFor(await this.heldBy(principal), principal, name, action);
  }

  private async heldBy(principal: Principal | undefined): Promise<readonly Reason[]> {
    const everybodys = this.anonymous.map((grant) => ({ from: 'anonymous', grant }));
    if (principal === undefined) return everybodys;
    const implied = principal.implied.map((grant) => ({ from: 'implied', grant }));
    const stored = await Promise.all(
      principal.grantees.map(async (grantee) =>
        (await this.grants.of(grantee)).map((grant) => ({ from: granteeText(grantee), grant })),
      ),
    );
    return [...implied, ...stored.flat(), ...everybodys];
  }
}

/** What an access token is limited to limits it also where everybody may pull. */
function reasonFor(
  held: readonly Reason[],
  principal: Principal | undefined,
  name: RepositoryName,
  action: Action,
): Reason | undefined {
  const { limits } = principal ?? {};
  if (limits !== undefined && !limits.some((grant) => covers(grant, name, action))) return undefined;
  return held.find(({ grant }) => covers(grant, name, action));
}

function covers({ repositories, actions }: Grant, name: RepositoryName, action: Action): boolean {
  return actions.includes(action) && repositories.matches(name);
}
