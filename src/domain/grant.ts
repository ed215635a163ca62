import { InvalidValue } from './invalid-value.js';
import { RepositoryPattern } from './repository-pattern.js';
import { parseActions } from './scope.js';
import type { Action } from './scope.js';

/** Permits actions on the repositories that a pattern tells. */
export interface Grant {
  readonly repositories: RepositoryPattern;
  readonly actions: readonly Action[];
}

/** As it is stored and signed. */
export interface GrantRecord {
  readonly repositories: string;
  readonly actions: string;
}

const GRANTEE_KINDS = ['user', 'robot', 'group', 'role'] as const;

/** Whom grants are given to; a role is one of Keystone's. */
export interface Grantee {
  readonly kind: (typeof GRANTEE_KINDS)[number];
  readonly name: string;
}

const LOCAL_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const FOREIGN_NAME_BYTES = 150;
/** What is longer is no name, and may be a secret in the wrong place. */
const MOST_REPEATED = 64;

/** Of users and robots kept here, and of groups. @throws InvalidValue */
export function parseLocalName(text: string): string {
  if (LOCAL_NAME.test(text)) return text;
  throw new InvalidValue(
    'principal',
    `${repeated(text)} is no name: give 1 to 64 letters, digits, dots, dashes and underscores that begin and end with a letter or digit`,
  );
}

/** A name that a user may log in with: of those kept here, or `user@domain` of Keystone's. */
export function isLocalName(text: string): boolean {
  return LOCAL_NAME.test(text);
}

function repeated(text: string): string {
  return text.length > MOST_REPEATED ? 'that' : `'${text}'`;
}

/** `kind:name`. @throws InvalidValue */
export function parseGrantee(text: string): Grantee {
  const colon = text.indexOf(':');
  const kind = GRANTEE_KINDS.find((known) => known === text.slice(0, colon));
  const name = text.slice(colon + 1);
  if (kind === undefined || name === '' || Buffer.byteLength(name) > FOREIGN_NAME_BYTES) {
    throw new InvalidValue(
      'principal',
      `${repeated(text)} names nobody: give user:NAME, robot:NAME, group:NAME or role:NAME`,
    );
  }
  return { kind, name };
}

export function granteeText({ kind, name }: Grantee): string {
  return `${kind}:${name}`;
}

/** @throws InvalidValue */
export function parseGrant({ repositories, actions }: GrantRecord): Grant {
  return { repositories: RepositoryPattern.parse(repositories), actions: parseActions(actions) };
}

/** The same for every way to write a grant. */
export function grantRecord({ repositories, actions }: Grant): GrantRecord {
  return { repositories: repositories.text, actions: actions.join(',') };
}
