import type { GrantPolicy } from '../auth/policy.js';
import type { Principals } from '../auth/principals.js';
import { grantRecord } from '../domain/grant.js';
import type { GrantRecord, Grantee } from '../domain/grant.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Action } from '../domain/scope.js';
import type { Principal } from '../ports/auth.js';
import { existingPrincipal, principalNamed } from './existing-principal.js';

export interface ExplanationParts {
  readonly principals: Principals;
  /** Tells a principal of the store as a login would make it. */
  readonly backend: { find(name: string): Promise<Principal | undefined> };
  /** Of the users of the configuration's file; undefined for others. */
  readonly fileUser: (name: string) => Promise<Principal | undefined>;
  readonly policy: GrantPolicy;
}

/** `account` is a user or robot, whichever has the name. */
export type Asked =
  Grantee | { readonly kind: 'account'; readonly name: string } | { readonly kind: 'anonymous' };

export interface Question {
  readonly who: Asked;
  readonly repository: RepositoryName;
  readonly action: Action;
}

/** Whether somebody may do something, and what decides it. */
export interface Explanation {
  readonly allowed: boolean;
  readonly by: 'grant' | 'admin' | 'personal-namespace' | 'anonymous-pull' | 'disabled' | 'nothing';
  /** Whose grant it is. */
  readonly grantee?: string;
  readonly grant?: GrantRecord;
  /** No user of the store or the file: what another backend adds is not known here. */
  readonly isStranger: boolean;
}

interface Known {
  /** Undefined for whoever is nobody, or may not log in. */
  readonly principal: Principal | undefined;
  readonly isDisabled?: boolean;
  readonly isAdmin?: boolean;
  readonly isStranger?: boolean;
}

/** As for a login by password at this moment. @throws AdminError for a robot that does not exist */
export async function explainAccess(
  parts: ExplanationParts,
  { who, repository, action }: Question,
): Promise<Explanation> {
  const { principal, isDisabled, isAdmin, isStranger = false } = await knownOf(parts, who);
  if (isDisabled === true) return { allowed: false, by: 'disabled', isStranger };
  const reason = await parts.policy.explain(principal, repository, action);
  if (reason === undefined) return { allowed: false, by: 'nothing', isStranger };
  const told = { allowed: true, grant: grantRecord(reason.grant), isStranger };
  if (reason.from === 'anonymous') return { ...told, by: 'anonymous-pull' };
  if (reason.from === 'implied') return { ...told, by: isAdmin === true ? 'admin' : 'personal-namespace' };
  return { ...told, by: 'grant', grantee: reason.from };
}

async function knownOf(parts: ExplanationParts, who: Asked): Promise<Known> {
  if (who.kind === 'anonymous') return { principal: undefined };
  if (who.kind === 'group' || who.kind === 'role') return { principal: bare(who) };
  const { kind, name } = who;
  const record = await principalNamed(parts.principals, name);
  if (record === undefined && kind !== 'robot') {
    const principal = await parts.fileUser(name);
    return { principal: principal ?? bare({ kind: 'user', name }), isStranger: principal === undefined };
  }
  if (kind !== 'account') await existingPrincipal(parts.principals, { kind, name });
  return {
    principal: await parts.backend.find(name),
    isDisabled: await parts.principals.isDisabled(name),
    isAdmin: record?.admin === true,
  };
}

function bare(grantee: Grantee): Principal {
  return { subject: grantee.name, grantees: [grantee], implied: [] };
}
