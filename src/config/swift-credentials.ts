import type {
  IdOrName,
  OpenStackCredentials,
  OpenStackScope,
  OpenStackUser,
} from '../domain/openstack-credentials.js';
import type { GivenKeys, SwiftKey } from './given-keys.js';

export type Method = 'v3password' | 'v3applicationcredential' | 'v3token' | 'v1password';

const METHODS: Readonly<Record<Method, { readonly name: string; readonly keys: readonly SwiftKey[] }>> = {
  v3applicationcredential: {
    name: 'an application credential',
    keys: ['applicationCredentialSecret', 'applicationCredentialId', 'applicationCredentialName'],
  },
  v3password: { name: 'a login by password', keys: ['password'] },
  v3token: { name: 'a token', keys: ['token'] },
  v1password: { name: 'a v1 login', keys: ['v1.key', 'v1.user', 'v1.authUrl'] },
};

/** The domain that Keystone itself creates. */
const DEFAULT_DOMAIN: IdOrName = { id: 'default' };

export function nameOfMethod(method: Method): string {
  return METHODS[method].name;
}

/** The one way to log in that the keys give; undefined, and a problem, where that is not one. */
export function chosenMethod(given: GivenKeys): Method | undefined {
  const told = given.get('authType') as Method | undefined;
  if (told !== undefined) return told;
  const methods = (Object.keys(METHODS) as Method[]).filter((method) => given.has(...METHODS[method].keys));
  if (methods.length === 1) return methods[0];
  if (methods.length === 0 && given.has('username', 'userId')) return 'v3password';
  given.problems.push(methods.length === 0 ? NO_CREDENTIALS : severalMethods(given, methods));
  return undefined;
}

const NO_CREDENTIALS =
  'storage.swift (not given): there are no credentials; give storage.swift.cloud (OS_CLOUD) or the OS_* variables, ' +
  'such as storage.swift.authUrl, username, password and projectName';

function severalMethods(given: GivenKeys, methods: readonly Method[]): string {
  const ways = methods.map((method) => {
    const keys = METHODS[method].keys.filter((key) => given.has(key)).slice(0, 1);
    return `${METHODS[method].name} (${keys.map((key) => given.placeOf(key)).join()})`;
  });
  return (
    `storage.swift.authType (not given): there is more than one way to log in: ${ways.join(', ')}; ` +
    'remove one or give authType'
  );
}

/** Whole only where `given` has no problems afterwards. */
export function credentialsOf(method: Method, given: GivenKeys): OpenStackCredentials {
  const user = METHODS[method].name;
  switch (method) {
    case 'v1password':
      return { kind: 'v1', user: given.need('v1.user', user), key: given.need('v1.key', user) };
    case 'v3password':
      return {
        kind: 'password',
        user: userOf(given, user),
        password: given.need('password', user),
        scope: scopeOf(given) ?? { project: { id: given.need('projectName', user) } },
      };
    case 'v3applicationcredential':
      return applicationCredential(given);
    case 'v3token': {
      const token = given.need('token', user);
      const scope = scopeOf(given);
      if (scope !== undefined) return { kind: 'token', token, scope };
      if (!given.has('storageUrl')) given.need('projectName', `${user} without storage.swift.storageUrl`);
      return { kind: 'token', token };
    }
  }
}

function applicationCredential(given: GivenKeys): OpenStackCredentials {
  const user = METHODS.v3applicationcredential.name;
  given.refuse(
    ['projectId', 'projectName', 'trustId'],
    `${user} brings its own project; remove one of the two`,
  );
  const secret = given.need('applicationCredentialSecret', user);
  const named = given.needEitherOf('applicationCredentialId', 'applicationCredentialName', user);
  const credential =
    'id' in named ? named : { ...named, user: userOf(given, 'an application credential by name') };
  return { kind: 'application-credential', credential, secret };
}

function userOf(given: GivenKeys, user: string): OpenStackUser {
  const named = given.needEitherOf('userId', 'username', user);
  return 'id' in named ? named : { ...named, domain: userDomain(given) };
}

function scopeOf(given: GivenKeys): OpenStackScope | undefined {
  const trust = given.get('trustId');
  if (trust !== undefined) {
    given.refuse(['projectId', 'projectName'], 'a trust brings its own project; remove one of the two');
    return { trust };
  }
  const named = given.eitherOf('projectId', 'projectName');
  if (named === undefined) return undefined;
  if ('id' in named) return { project: named };
  const domain = given.eitherOf('projectDomainId', 'projectDomainName') ?? userDomain(given);
  return { project: { ...named, domain } };
}

function userDomain(given: GivenKeys): IdOrName {
  return given.eitherOf('userDomainId', 'userDomainName') ?? DEFAULT_DOMAIN;
}
