import { createHash } from 'node:crypto';
import type { FoundPrincipal } from '../auth/principals.js';
import type { AccountKind } from './existing-principal.js';

/** A user or robot without its secrets. */
export interface Account {
  readonly name: string;
  readonly kind: AccountKind;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly admin: boolean;
  readonly groups: readonly string[];
  readonly disabled: boolean;
}

export interface VersionedAccount extends Account {
  /** Another for whatever else is kept of the account. */
  readonly version: string;
}

const VERSION_LENGTH = 22;

export function accountOf(name: string, { record, isDisabled }: FoundPrincipal): Account {
  const { kind, createdAt, admin = false, groups = [] } = record;
  return { name, kind, createdAt, admin, groups, disabled: isDisabled };
}

export function versioned(name: string, found: FoundPrincipal): VersionedAccount {
  return { ...accountOf(name, found), version: versionOf(found) };
}

/** The same for the same account. */
export function versionOf({ record, isDisabled }: FoundPrincipal): string {
  const text = JSON.stringify([record, isDisabled]);
  return createHash('sha256').update(text).digest('base64url').slice(0, VERSION_LENGTH);
}
