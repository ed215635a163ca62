import assert from 'node:assert/strict';
import { printConfig, swiftAccount } from '../../src/config/index.js';
import { load, problems, reader, type Given } from './load.js';

const CLOUDS = `
clouds:
  one:
    auth_type: v3applicationcredential
    auth: {auth_url: "https://one.example/v3", application_credential_id: c}
    region_name: RegionOne
    interface: internal
    verify: true
  two:
    auth: {auth_url: "https://two.example", username: u, project_id: pid, user_domain_name: d}
    cacert: ~/ca.pem
  open: {auth: {auth_url: "https://three.example"}, verify: false}
`;
const SECURE = `
clouds:
  one: {auth: {application_credential_secret: hush}}
  two: {auth: {password: hush}}
`;
const PEM = '-----BEGIN CERTIFICATE-----\n';

const given = (cloud: string, more: Given = {}): Given => ({
  env: { STACKYARD_STORAGE_DRIVER: 'swift', OS_CLOUD: cloud, HOME: '/home/u', ...more.env },
  files: more.files ?? {
    '/etc/app/clouds.yaml': CLOUDS,
    '/etc/app/secure.yaml': SECURE,
    '/home/u/ca.pem': PEM,
  },
});
const account = (all: Given) => swiftAccount(load(all), reader(all));

describe('config/clouds', () => {
  it('gives the account of a cloud, with the secrets of secure.yaml', () => {
    assert.deepEqual(account(given('one')), {
      authUrl: 'https://one.example/v3',
      interface: 'internal',
      region: 'RegionOne',
      credentials: { kind: 'application-credential', credential: { id: 'c' }, secret: 'hush' },
    });
    const two = account(given('two'));
    assert.equal(two?.ca, PEM);
    assert.deepEqual(two?.credentials, {
      kind: 'password',
      user: { name: 'u', domain: { name: 'd' } },
      password: 'hush',
      scope: { project: { id: 'pid' } },
    });
  });

  it('shows where each value came from, and no secret', () => {
    const printed = printConfig(load(given('one')));
    assert.match(printed, /region: RegionOne # file \/etc\/app\/clouds\.yaml, cloud one\n/);
    assert.match(printed, /cloud: one # env OS_CLOUD\n/);
    assert.doesNotMatch(printed, /hush/);
  });

  it('is weaker than keys and variables, whichever way they name a thing', () => {
    const env = { OS_REGION_NAME: 'Mine', OS_PROJECT_NAME: 'p', OS_PASSWORD: 'other' };
    const two = account(given('two', { env }));
    assert.equal(two?.region, 'Mine');
    assert.deepEqual(two?.credentials, {
      kind: 'password',
      user: { name: 'u', domain: { name: 'd' } },
      password: 'other',
      scope: { project: { name: 'p', domain: { name: 'd' } } },
    });
  });

  it('looks in the places of OpenStack, in their order', () => {
    const named = (region: string) =>
      `clouds: {x: {region_name: ${region}, auth: {auth_url: "http://k", token: t, project_id: p}}}`;
    const places = [
      '/my/clouds',
      '/etc/app/clouds.yaml',
      '/home/u/.config/openstack/clouds.yaml',
      '/etc/openstack/clouds.yaml',
    ];
    const env = { OS_CLIENT_CONFIG_FILE: '/my/clouds' };
    for (const [index] of places.entries()) {
      const files = Object.fromEntries(
        places.slice(index).map((path, place) => [path, named(`r${index + place}`)]),
      );
      const all = given('x', { files, ...(index === 0 && { env }) });
      assert.equal(account(all)?.region, `r${index}`);
    }
  });

  it('is not read where the store is not Swift', () => {
    const env = { STACKYARD_STORAGE_DRIVER: 'memory' };
    assert.equal(load(given('none', { env, files: {} })).storage.driver, 'memory');
  });

  const refused: [what: string, all: Given, expected: RegExp][] = [
    [
      'an unknown cloud',
      given('nine'),
      /^storage\.swift\.cloud \(OS_CLOUD\): \/etc\/app\/clouds\.yaml has no cloud nine; it has one, two, open$/,
    ],
    [
      'no file',
      given('one', { files: {} }),
      /there is no clouds\.yaml \(\/etc\/app\/clouds\.yaml, \/home\/u\/\.config\/openstack\/clouds\.yaml, \/etc\/openstack\/clouds\.yaml\); write/,
    ],
    [
      'certificates that are not verified',
      given('open'),
      /the cloud open of .* has verify: false, but certificates are always verified; remove that and set cacert/,
    ],
    [
      'what is no YAML, without showing it',
      given('one', { files: { '/etc/app/clouds.yaml': 'clouds:\n  password: "hush\n' } }),
      /clouds\.yaml is no YAML \(\w+\); correct it$/,
    ],
    [
      'a value that does not fit',
      given('one', {
        files: { '/etc/app/clouds.yaml': CLOUDS.replace('interface: internal', 'interface: odd') },
      }),
      /^storage\.swift\.interface \(\/etc\/app\/clouds\.yaml, cloud one\): 'odd' is not accepted/,
    ],
    [
      'a cloud without credentials',
      given('one', { files: { '/etc/app/clouds.yaml': 'clouds: {one: {}}' } }),
      /^storage\.swift \(not given\): there are no credentials/,
    ],
  ];
  for (const [what, all, expected] of refused) {
    it(`refuses ${what}, in one line`, () => {
      const [line = '', ...more] = problems(all);
      assert.match(line, expected);
      assert.doesNotMatch(line, /hush|\n/);
      assert.deepEqual(more, []);
    });
  }
});
