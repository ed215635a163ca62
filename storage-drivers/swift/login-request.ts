import type {
  IdOrName,
  OpenStackAccount,
  OpenStackCredentials,
  OpenStackScope,
  OpenStackUser,
} from '../../src/domain/openstack-credentials.js';

/** What is sent to log in. */
export type LoginRequest =
  | { readonly version: 1; readonly url: string; readonly user: string; readonly key: string }
  | { readonly version: 3; readonly url: string; readonly payload: object };

type KeystoneCredentials = Exclude<OpenStackCredentials, { kind: 'v1' }>;

/** The request for an account; its `url` ends before `/v3` and before `/auth/v1.0`. */
export function loginRequest({ authUrl, credentials }: OpenStackAccount): LoginRequest {
  const url = new URL(authUrl);
  if (credentials.kind === 'v1') {
    const { user, key } = credentials;
    return { version: 1, url: below(url, /\/auth(?:\/v?1(?:\.0)?)?$/), user, key };
  }
  return { version: 3, url: below(url, /\/v3$/), payload: { auth: keystoneAuth(credentials) } };
}

function below(url: URL, ending: RegExp): string {
  return url.origin + url.pathname.replace(/\/+$/, '').replace(ending, '');
}

/** The `auth` object of Keystone's `POST /v3/auth/tokens`. */
function keystoneAuth(credentials: KeystoneCredentials): object {
  switch (credentials.kind) {
    case 'password': {
      const user = { ...userOf(credentials.user), password: credentials.password };
      return { identity: { methods: ['password'], password: { user } }, ...scopeOf(credentials.scope) };
    }
    case 'application-credential': {
      // It brings its project: Keystone refuses it together with a scope.
      const named = credentials.credential;
      const credential = 'id' in named ? { id: named.id } : { name: named.name, user: userOf(named.user) };
      const application_credential = { ...credential, secret: credentials.secret };
      return { identity: { methods: ['application_credential'], application_credential } };
    }
    case 'token': {
      const token = { id: credentials.token };
      return { identity: { methods: ['token'], token }, ...scopeOf(credentials.scope) };
    }
  }
}

function userOf(user: OpenStackUser): object {
  return 'id' in user ? { id: user.id } : { name: user.name, domain: idOrName(user.domain) };
}

function scopeOf(scope: OpenStackScope | undefined): object {
  if (scope === undefined) return {};
  if ('trust' in scope) return { scope: { 'OS-TRUST:trust': { id: scope.trust } } };
  const { project } = scope;
  return {
    scope: {
      project:
        'id' in project ? { id: project.id } : { name: project.name, domain: idOrName(project.domain) },
    },
  };
}

function idOrName(value: IdOrName): object {
  return 'id' in value ? { id: value.id } : { name: value.name };
}
