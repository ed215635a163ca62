import assert from 'node:assert/strict';
import { printConfig, swiftAccount } from '../../src/config/index.js';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import { load, problems, problemsOf, reader, type Given } from './load.js';

const AUTH_URL = 'https://keystone.example:5000/v3';
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const DEFAULT_DOMAIN = { id: 'default' };

const onSwift = (env: Readonly<Record<string, string>>): Given => ({
  env: { STACKYARD_STORAGE_DRIVER: 'swift', ...env },
});

function account(given: Given): OpenStackAccount | undefined {
  return swiftAccount(load(given), reader(given));
}

function credentials(env: Readonly<Record<string, string>>) {
  return account(onSwift({ OS_AUTH_URL: AUTH_URL, ...env }))?.credentials;
}

const PASSWORD = { OS_AUTH_URL: AUTH_URL, OS_USERNAME: 'u', OS_PASSWORD: 'hush', OS_PROJECT_NAME: 'p' };

describe('config/swift-account', () => {
  it('is there only where the store is Swift', () => {
    assert.equal(account({ env: PASSWORD }), undefined);
    assert.deepEqual(load({ env: { OS_INTERFACE: 'odd', OS_AUTH_TYPE: 'v3oidcpassword' } }), load({}));
    assert.match(printConfig(load({ env: PASSWORD })), /driver: filesystem # default/);
  });

  it('takes five lines of YAML', () => {
    const yaml = `storage:
  driver: swift
  swift:
    authUrl: ${AUTH_URL}
    applicationCredentialId: c
    applicationCredentialSecret: hush`;
    assert.deepEqual(account({ yaml }), {
      authUrl: AUTH_URL,
      interface: 'public',
      credentials: { kind: 'application-credential', credential: { id: 'c' }, secret: 'hush' },
    });
  });

  it('takes a password, with domains by name or id, the user’s also for the project', () => {
    const named = { OS_USERNAME: 'u', OS_PASSWORD: 'hush', OS_PROJECT_NAME: 'p' };
    const user = (domain: object) => ({ name: 'u', domain });
    const scope = (domain: object) => ({ project: { name: 'p', domain } });
    const password = { kind: 'password', password: 'hush' };
    assert.deepEqual(credentials(named), {
      ...password,
      user: user(DEFAULT_DOMAIN),
      scope: scope(DEFAULT_DOMAIN),
    });
    const one = { name: 'one' };
    const two = { id: 'two' };
    const byName = { ...named, OS_USER_DOMAIN_NAME: 'one' };
    assert.deepEqual(credentials(byName), { ...password, user: user(one), scope: scope(one) });
    assert.deepEqual(credentials({ ...byName, OS_PROJECT_DOMAIN_ID: 'two' }), {
      ...password,
      user: user(one),
      scope: scope(two),
    });
    const tenant = { OS_USERNAME: 'u', OS_PASSWORD: 'hush', OS_TENANT_NAME: 'p' };
    assert.deepEqual(credentials(tenant), credentials(named));
    const ids = { OS_USER_ID: 'uid', OS_PROJECT_ID: 'pid' };
    assert.deepEqual(credentials({ ...named, ...ids }), {
      ...password,
      user: { id: 'uid' },
      scope: { project: { id: 'pid' } },
    });
    const trusting = { OS_USER_ID: 'uid', OS_PASSWORD: 'hush', OS_TRUST_ID: 't' };
    assert.deepEqual(credentials(trusting), { ...password, user: { id: 'uid' }, scope: { trust: 't' } });
  });

  it('takes application credentials, tokens and v1 logins', () => {
    const byName = {
      OS_APPLICATION_CREDENTIAL_NAME: 'c',
      OS_APPLICATION_CREDENTIAL_SECRET: 'hush',
      OS_USERNAME: 'u',
    };
    assert.deepEqual(credentials(byName), {
      kind: 'application-credential',
      credential: { name: 'c', user: { name: 'u', domain: DEFAULT_DOMAIN } },
      secret: 'hush',
    });
    assert.deepEqual(credentials({ OS_TOKEN: 't', OS_PROJECT_ID: 'pid' }), {
      kind: 'token',
      token: 't',
      scope: { project: { id: 'pid' } },
    });
    const storageUrl = 'https://swift.example/v1/AUTH_a';
    assert.deepEqual(account(onSwift({ OS_TOKEN: 't', OS_STORAGE_URL: storageUrl })), {
      authUrl: storageUrl,
      storageUrl,
      interface: 'public',
      credentials: { kind: 'token', token: 't' },
    });
    const v1 = { ST_AUTH: 'http://swift.example/auth/v1.0', ST_USER: 'a:b', ST_KEY: 'hush' };
    assert.deepEqual(account(onSwift(v1)), {
      authUrl: v1.ST_AUTH,
      interface: 'public',
      credentials: { kind: 'v1', user: 'a:b', key: 'hush' },
    });
  });

  it('takes region, interface in its older names too, and the certificates of caFile', () => {
    const env = { OS_REGION_NAME: 'One', OS_INTERFACE: 'internalURL', OS_CACERT: 'ca.pem' };
    const given = { ...onSwift({ ...PASSWORD, ...env }), files: { '/etc/app/ca.pem': PEM, 'ca.pem': PEM } };
    const { region, interface: endpoint, ca } = account(given) ?? {};
    assert.deepEqual([region, endpoint, ca], ['One', 'internal', PEM]);
    assert.equal(load(given).storage.swift.caFile, 'ca.pem');
  });

  it('chooses by authType where several ways are given', () => {
    const both = { ...PASSWORD, OS_TOKEN: 't' };
    assert.equal(credentials({ ...both, OS_AUTH_TYPE: 'v3password' })?.kind, 'password');
    assert.equal(credentials({ ...both, OS_AUTH_TYPE: 'token' })?.kind, 'token');
    const v1 = { ST_AUTH: 'http://swift.example/auth/v1.0', ST_USER: 'a:b', ST_KEY: 'k' };
    assert.equal(credentials({ ...both, ...v1, OS_AUTH_TYPE: 'v1password' })?.kind, 'v1');
  });

  it('lets the stronger source choose between id and name', () => {
    const yaml = `storage: {driver: swift, swift: {projectId: pid, userId: uid, password: hush}}`;
    const env = { OS_AUTH_URL: AUTH_URL, OS_USERNAME: 'u', OS_PROJECT_NAME: 'p' };
    assert.deepEqual(account({ yaml, env })?.credentials, credentials({ ...env, OS_PASSWORD: 'hush' }));
  });

  const refused: [
    what: string,
    env: Readonly<Record<string, string>>,
    expected: readonly (string | RegExp)[],
  ][] = [
    [
      'nothing',
      {},
      [
        'storage.swift (not given): there are no credentials; give storage.swift.cloud (OS_CLOUD) or the OS_* variables, such as storage.swift.authUrl, username, password and projectName',
      ],
    ],
    [
      'a user alone',
      { OS_USERNAME: 'u' },
      [
        'storage.swift.password (not given): a login by password needs it; give it, or OS_PASSWORD in the environment',
        /^storage\.swift\.projectName \(not given\): .* OS_PROJECT_NAME in/,
        /^storage\.swift\.authUrl \(not given\): .* OS_AUTH_URL in/,
      ],
    ],
    [
      'an application credential with a project',
      {
        OS_AUTH_URL: AUTH_URL,
        OS_APPLICATION_CREDENTIAL_ID: 'c',
        OS_APPLICATION_CREDENTIAL_SECRET: 's',
        OS_PROJECT_NAME: 'p',
      },
      [
        'storage.swift.projectName (OS_PROJECT_NAME): an application credential brings its own project; remove one of the two',
      ],
    ],
    [
      'an application credential by name without its user and secret',
      { OS_AUTH_URL: AUTH_URL, OS_APPLICATION_CREDENTIAL_NAME: 'c' },
      [
        /^storage\.swift\.applicationCredentialSecret \(not given\)/,
        /^storage\.swift\.username \(not given\): .* by name needs/,
      ],
    ],
    [
      'a trust with a project',
      { ...PASSWORD, OS_TRUST_ID: 't' },
      ['storage.swift.projectName (OS_PROJECT_NAME): a trust brings its own project; remove one of the two'],
    ],
    [
      'two ways to log in',
      { ...PASSWORD, ST_KEY: 'k' },
      [
        'storage.swift.authType (not given): there is more than one way to log in: a login by password (storage.swift.password, OS_PASSWORD), a v1 login (storage.swift.v1.key, ST_KEY); remove one or give authType',
      ],
    ],
    [
      'a token for nothing',
      { OS_AUTH_URL: AUTH_URL, OS_TOKEN: 't' },
      [/^storage\.swift\.projectName \(not given\): a token without storage\.swift\.storageUrl/],
    ],
    [
      'half of v1',
      { ST_USER: 'u' },
      [/^storage\.swift\.v1\.key .* ST_KEY in/, /^storage\.swift\.v1\.authUrl .* ST_AUTH in/],
    ],
    [
      'a caFile that is not there',
      { ...PASSWORD, OS_CACERT: 'ca.pem' },
      ['storage.swift.caFile (OS_CACERT): ca.pem cannot be read (ENOENT); give a readable PEM file'],
    ],
    [
      'an unknown interface',
      { ...PASSWORD, OS_INTERFACE: 'odd' },
      [/^storage\.swift\.interface \(OS_INTERFACE\): 'odd' is not/],
    ],
    [
      'an unknown authType',
      { ...PASSWORD, OS_AUTH_TYPE: 'v3oidcpassword' },
      [/^storage\.swift\.authType .*v3applicationcredential/],
    ],
    [
      'a password in a URL, without showing it',
      { ...PASSWORD, OS_AUTH_URL: 'https://u:hush@keystone.example' },
      [
        "storage.swift.authUrl (OS_AUTH_URL): '***@keystone.example' is not accepted; give an http or https URL without user and password",
      ],
    ],
  ];
  for (const [what, env, expected] of refused) {
    it(`refuses ${what}`, () => {
      const lines = problems(onSwift(env));
      assert.equal(lines.length, expected.length, lines.join('\n'));
      for (const [index, line] of lines.entries()) {
        const wanted = expected[index];
        if (typeof wanted === 'string') assert.equal(line, wanted);
        else assert.match(line, wanted ?? /^$/);
        assert.doesNotMatch(line, /hush|\n/);
      }
      assert.equal(load({ env: { ...env, OS_CACERT: '' } }).storage.driver, 'filesystem');
    });
  }

  it('refuses a caFile without certificates, also when it changed after the load', () => {
    const given = { ...onSwift({ ...PASSWORD, OS_CACERT: '/ca' }), files: { '/ca': PEM } };
    const config = load(given);
    const line = 'storage.swift.caFile (OS_CACERT): /ca holds no certificate; give a PEM file';
    assert.deepEqual(problems({ ...given, files: { '/ca': 'KEY' } }), [line]);
    assert.deepEqual(
      problemsOf(() => swiftAccount(config, () => 'KEY')),
      [line.replace('(OS', '(env OS')],
    );
  });
});
