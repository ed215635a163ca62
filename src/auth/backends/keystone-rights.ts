import type { Grant, Grantee } from '../../domain/grant.js';
import { granteeText, parseGrantee } from '../../domain/grant.js';
import { InvalidValue } from '../../domain/invalid-value.js';
import { isRepositoryComponent } from '../../domain/repository-name.js';
import { RepositoryPattern } from '../../domain/repository-pattern.js';
import { ACTIONS, parseActions } from '../../domain/scope.js';
import type { Action } from '../../domain/scope.js';
import type { KeystoneProject, KeystoneScope } from './keystone-answer.js';

/** The rules of `auth.keystone`. */
export interface KeystoneRules {
  /** The name of the domain whose users and projects go by their names alone. */
  readonly domain: string;
  /** A repository pattern with `{project}`, and with `{domain}` where projects of several domains go by name. */
  readonly namespace: string;
  /** `role=action,action` each. */
  readonly roles: readonly string[];
  /** Names (`name@domain` in other domains) or ids; an empty list means all. */
  readonly projects: readonly string[];
}

const ID = /^[0-9a-f]{32}$/;

/** What roles in projects allow. */
export class KeystoneRights {
  private readonly actions: readonly (readonly [string, readonly Action[]])[];

  constructor(private readonly rules: KeystoneRules) {
    this.actions = rules.roles.map((entry) => {
      const equals = entry.lastIndexOf('=');
      return [entry.slice(0, equals), parseActions(entry.slice(equals + 1))] as const;
    });
  }

  /** Whether the project may count; its domain is not known yet. */
  mayCount({ id, name }: KeystoneProject): boolean {
    const { projects } = this.rules;
    return (
      projects.length === 0 ||
      projects.some((entry) => entry === id || entry === name || entry.startsWith(`${name}@`))
    );
  }

  counts({ project: { id, name, domain } }: KeystoneScope): boolean {
    const { projects } = this.rules;
    const isHome = domain === this.rules.domain;
    return (
      projects.length === 0 ||
      projects.includes(id) ||
      projects.includes(`${name}@${domain}`) ||
      (isHome && projects.includes(name))
    );
  }

  /** One grant for each project in which a role allows something. */
  impliedBy(scopes: readonly KeystoneScope[]): readonly Grant[] {
    return scopes.flatMap((scope) => {
      const actions = this.actionsOf(scope.roles);
      const pattern = this.namespaceOf(scope.project);
      return actions.length > 0 && RepositoryPattern.isValid(pattern)
        ? [{ repositories: RepositoryPattern.parse(pattern), actions }]
        : [];
    });
  }

  private actionsOf(roles: readonly string[]): readonly Action[] {
    const allowed = this.actions.filter(([role]) => roles.includes(role)).flatMap(([, actions]) => actions);
    return ACTIONS.filter((action) => allowed.includes(action));
  }

  /**
   * Names of projects are unique within a domain alone: without `{domain}` in the pattern a project of another domain
   * goes by its id, or whoever rules there could take a namespace of ours by its name.
   */
  private namespaceOf({ id, name, domain, domainId }: KeystoneScope['project']): string {
    const { namespace } = this.rules;
    const isUnique = namespace.includes('{domain}') || domain === this.rules.domain;
    const project = (isUnique ? componentOf(name) : undefined) ?? id;
    return namespace
      .replace('{project}', project)
      .replace('{domain}', componentOf(domain) ?? domainId.toLowerCase());
  }
}

/** Each role once; those whose names no grant can name are left out. */
export function roleGrantees(scopes: readonly KeystoneScope[]): readonly Grantee[] {
  const roles = new Set(scopes.flatMap((scope) => scope.roles));
  return [...roles].sort().flatMap((name) => granteeIfNamed({ kind: 'role', name }));
}

/** Nothing where the name is longer than that of any grantee. */
export function granteeIfNamed(grantee: Grantee): readonly Grantee[] {
  try {
    return [parseGrantee(granteeText(grantee))];
  } catch (error) {
    if (error instanceof InvalidValue) return [];
    throw error;
  }
}

/**
 * In lower case; undefined where repositories have no such components, or where it would pass for an id. Letters from
 * elsewhere never become ASCII: U+212A in lower case is a k.
 */
function componentOf(name: string): string | undefined {
  const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return isRepositoryComponent(lower) && !ID.test(lower) ? lower : undefined;
}
