import { APPLICATION_CREDENTIAL, keystoneUser } from './accounts.mjs';

/** What a shell, a test or a bench needs to use the bed: variables and their values. */
export function environment({ root, ports, proxies, keystone, host }) {
  const login = (port) => `http://${host}:${port}/auth/v1.0`;
  const limits = Object.keys(proxies).map((name) => [
    `SWIFT_${name.toUpperCase().replaceAll('-', '_')}_ST_AUTH`,
    login(ports[`${name}-proxy`]),
  ]);
  return {
    SWIFT_ROOT: root,
    ST_AUTH: login(ports.proxy),
    ST_USER: 'test:tester',
    ST_KEY: 'testing',
    ...Object.fromEntries(limits),
    ...(keystone === undefined ? {} : keystoneEnvironment(`http://${host}:${ports.keystone}/v3`, keystone)),
  };
}

function keystoneEnvironment(url, { userId, projectId, applicationCredentialId, trustId }) {
  const { user, password, project } = keystoneUser('registry');
  const others = ['reader', 'other', 'trustee'].flatMap((name) => [
    [`SWIFT_TEST_${name.toUpperCase()}_USERNAME`, name],
    [`SWIFT_TEST_${name.toUpperCase()}_PASSWORD`, keystoneUser(name).password],
  ]);
  return {
    OS_AUTH_URL: url,
    OS_IDENTITY_API_VERSION: '3',
    OS_REGION_NAME: 'RegionOne',
    OS_INTERFACE: 'public',
    OS_USERNAME: user,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    // Not OS_*: those would be two ways to log in at once.
    SWIFT_TEST_USER_ID: userId,
    SWIFT_TEST_PROJECT_ID: projectId,
    SWIFT_TEST_APPLICATION_CREDENTIAL_ID: applicationCredentialId,
    SWIFT_TEST_APPLICATION_CREDENTIAL_NAME: APPLICATION_CREDENTIAL.name,
    SWIFT_TEST_APPLICATION_CREDENTIAL_SECRET: APPLICATION_CREDENTIAL.secret,
    SWIFT_TEST_TRUST_ID: trustId,
    ...Object.fromEntries(others),
  };
}

/** Lines for a shell to source. */
export function shellExports(variables) {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}
