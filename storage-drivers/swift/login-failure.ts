import type { OpenStackAccount, OpenStackUser } from '../../src/domain/openstack-credentials.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { LoginAnswer } from './pkgcloud-identity.js';

/** One line: who could not log in where, and why. `why` ends with the fix. */
export function loginFailure(account: OpenStackAccount, why: string, cause?: unknown): StorageError {
  const message = `cannot log in to ${placeOf(account.authUrl)} as ${nameOf(account)}: ${why}`;
  return new StorageError('UNAVAILABLE', message, cause === undefined ? {} : { cause });
}

/** What an answer means that is no token. */
export function refusedLogin(account: OpenStackAccount, answer: LoginAnswer): StorageError {
  return loginFailure(account, meaningOf(account, answer));
}

/** What a login came to that got no answer. */
export function brokenLogin(account: OpenStackAccount, cause: unknown): StorageError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const meaning = CONNECTION[code] ?? (isCertificate(code) ? CERTIFICATE : NO_ANSWER);
  const told = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').trim() : String(cause);
  return loginFailure(account, `${meaning.cause} (${told}); ${meaning.fix}`, cause);
}

function meaningOf({ credentials: { kind } }: OpenStackAccount, { status, body }: LoginAnswer): string {
  const http = `(HTTP ${status})`;
  // Keystone answers 404 to a token, or to the id of a credential, that it does not know.
  const unknown = status === 404 && isKeystoneError(body);
  if (unknown && kind === 'application-credential') {
    return `there is no such application credential ${http}; create a new one`;
  }
  if (status === 401 || (unknown && kind === 'token') || (kind === 'v1' && status === 403)) {
    return `${REFUSED[kind].cause} ${http}; ${REFUSED[kind].fix}`;
  }
  if (status === 404) {
    return `there is no identity service ${http}; correct storage.swift.${kind === 'v1' ? 'v1.' : ''}authUrl`;
  }
  if (status >= 300 && status < 400) return `it redirects ${http}; set the URL that it leads to`;
  if (status === 429 || status >= 500) return `it is out of order ${http}; it is asked again`;
  return `its answer is not understood ${http}; check that the URL is that of the identity service`;
}

const REFUSED = {
  v1: { cause: 'user or key is wrong', fix: 'correct storage.swift.v1.user or storage.swift.v1.key' },
  password: {
    cause: 'user, password, domain or project is wrong, or the user has no role in the project',
    fix: 'correct them in storage.swift',
  },
  'application-credential': {
    cause: 'its secret is wrong, or it has expired',
    fix: 'correct storage.swift.applicationCredentialSecret or create a new one',
  },
  token: {
    cause: 'the token is unknown or has expired, and cannot be renewed',
    fix: 'set a new storage.swift.token or log in by other means',
  },
} as const;

const NO_ANSWER = { cause: 'no answer', fix: 'check the URL and that the identity service runs' };
const CERTIFICATE = {
  cause: 'its certificate is not trusted',
  fix: 'set storage.swift.caFile to the authority that signed it, or correct the URL',
};
const NAME = { cause: 'the host name is not known', fix: 'correct the URL or the name service' };
const CONNECTION: Readonly<Record<string, typeof NO_ANSWER>> = {
  ECONNREFUSED: {
    cause: 'the connection is refused',
    fix: 'check the URL and that the identity service runs',
  },
  ENOTFOUND: NAME,
  EAI_AGAIN: NAME,
  EPROTO: { cause: 'it does not speak TLS', fix: 'check whether the URL is http or https' },
};

function isCertificate(code: string): boolean {
  return /CERT|ISSUER|SIGNATURE/.test(code);
}

function isKeystoneError(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error' in body;
}

/** Without user and password, which some put into a URL. */
export function placeOf(authUrl: string): string {
  const { origin, pathname } = new URL(authUrl);
  return origin + pathname.replace(/\/$/, '');
}

export function nameOf({ credentials }: OpenStackAccount): string {
  switch (credentials.kind) {
    case 'v1':
      return `user ${credentials.user}`;
    case 'password':
      return userName(credentials.user);
    case 'application-credential': {
      const { credential } = credentials;
      return 'id' in credential
        ? `application credential ${credential.id}`
        : `application credential ${credential.name} of ${userName(credential.user)}`;
    }
    case 'token':
      return 'the owner of storage.swift.token';
  }
}

function userName(user: OpenStackUser): string {
  return `user ${'id' in user ? user.id : user.name}`;
}
