import type { PrincipalRecord, Principals } from '../auth/principals.js';
import { isLocalName } from '../domain/grant.js';
import { AdminError } from './admin-error.js';

export type AccountKind = PrincipalRecord['kind'];

/** Whom an administrator names: users and robots share one space of names, so a robot is never taken for a user. */
export interface AccountName {
  readonly kind: AccountKind;
  readonly name: string;
}

/** The record of a user or robot as it is now; undefined for a name that nobody here has. */
export async function principalNamed(
  principals: Principals,
  name: string,
): Promise<PrincipalRecord | undefined> {
  return isLocalName(name) ? principals.read(name) : undefined;
}

/** @throws AdminError where there is none, or one of the other kind */
export async function existingPrincipal(
  principals: Principals,
  { kind, name }: AccountName,
): Promise<PrincipalRecord> {
  const record = await principalNamed(principals, name);
  if (record === undefined) throw new AdminError('absent', `there is no ${kind} ${name}`);
  if (record.kind !== kind) throw new AdminError('absent', `${name} is a ${record.kind}, not a ${kind}`);
  return record;
}
