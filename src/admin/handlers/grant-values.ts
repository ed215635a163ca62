import { parseGrant } from '../../domain/grant.js';
import type { Grant, GrantRecord } from '../../domain/grant.js';
import { parseActions } from '../../domain/scope.js';
import type { Action } from '../../domain/scope.js';

/** As the admin API writes a grant. */
export interface GivenGrant {
  readonly repositories: string;
  readonly actions: readonly Action[];
}

/** @throws InvalidValue */
export function grantOf({ repositories, actions }: GivenGrant): Grant {
  return parseGrant({ repositories, actions: actions.join(',') });
}

export function grantText({ repositories, actions }: GivenGrant): string {
  return `${actions.join(',')} in ${repositories}`;
}

export function givenGrant({ repositories, actions }: Grant): GivenGrant {
  return { repositories: repositories.text, actions };
}

/** Of a grant as it is stored. */
export function recordedGrant({ repositories, actions }: GrantRecord): GivenGrant {
  return { repositories, actions: parseActions(actions) };
}
