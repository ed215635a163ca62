import type { Credentials } from '../../ports/auth.js';

/** A Keystone user by name and the name of its domain. */
export interface KeystoneUser {
  readonly name: string;
  readonly domain: string;
}

/** Who wants to log in to Keystone, and by what. */
export type KeystoneIdentity =
  | { readonly kind: 'password'; readonly user: KeystoneUser; readonly secret: string }
  | {
      readonly kind: 'application-credential';
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: KeystoneUser };
      readonly secret: string;
    };

const CREDENTIAL_ID = /^[0-9a-f]{32}$/;
/** In the name of a domain these are written %40, %2F and %25. */
const SPECIAL = /[%@/]/g;
const ESCAPED = /%(?:40|2F|25)/gi;

/**
 * What a username stands for: `user`, `user@domain`, `user@domain/credential`, or the id of an application credential.
 * The last @ counts, so that names of users may hold some. Undefined where it stands for nothing.
 */
export function identityOf(
  { username, secret }: Credentials,
  defaultDomain: string,
): KeystoneIdentity | undefined {
  if (CREDENTIAL_ID.test(username)) {
    return { kind: 'application-credential', credential: { id: username }, secret };
  }
  const at = username.lastIndexOf('@');
  if (at < 0) return passwordOf({ name: username, domain: defaultDomain }, secret);
  const [domain = '', ...rest] = username.slice(at + 1).split('/');
  const user = { name: username.slice(0, at), domain: domain.replace(ESCAPED, decodeURIComponent) };
  if (user.name === '' || domain === '') return undefined;
  if (rest.length === 0) return passwordOf(user, secret);
  const name = rest.join('/');
  return name === '' ? undefined : { kind: 'application-credential', credential: { name, user }, secret };
}

/** `user@domain`, a different text for each user, and a username that it can log in with. */
export function subjectOf({ name, domain }: KeystoneUser): string {
  return `${name}@${domain.replace(SPECIAL, encodeURIComponent)}`;
}

function passwordOf(user: KeystoneUser, secret: string): KeystoneIdentity | undefined {
  return user.name === '' || secret === '' ? undefined : { kind: 'password', user, secret };
}
