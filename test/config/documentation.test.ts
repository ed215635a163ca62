import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { configurationPage, describeConfig } from '../../src/config/index.js';

describe('config/documentation', () => {
  it('is what docs/configuration.md holds (npm run docs)', () => {
    assert.equal(readFileSync('docs/configuration.md', 'utf8'), configurationPage());
  });

  it('tells the variables of a key, the strongest first', () => {
    const variables = new Map(describeConfig().map(({ key, env }) => [key, env]));
    assert.deepEqual(variables.get('server.port'), ['STACKYARD_SERVER_PORT', 'PORT']);
    assert.deepEqual(variables.get('server.maxRequestsInFlight'), [
      'STACKYARD_SERVER_MAX_REQUESTS_IN_FLIGHT',
    ]);
    assert.deepEqual(variables.get('storage.filesystem.root'), ['STACKYARD_STORAGE_FILESYSTEM_ROOT']);
    assert.deepEqual(variables.get('auth.allowOpen'), ['STACKYARD_AUTH_ALLOW_OPEN']);
    const all = [...variables.values()].flat();
    assert.equal(new Set(all).size, all.length);
  });

  it('has a help text for every key and a default for all but those that depend on the place', () => {
    for (const { key, help, accepts } of describeConfig()) {
      assert.match(help, /^[A-Z].{15,}\.$/, key);
      assert.notEqual(accepts, '', key);
    }
    const without = describeConfig().filter((key) => key.default === undefined);
    assert.deepEqual(
      without.map(({ key }) => key).filter((key) => !key.startsWith('storage.swift.')),
      [
        'server.publicUrl',
        'server.tls.certificate',
        'server.tls.key',
        'server.tls.clientCa',
        'storage.shared',
        'auth.personalNamespaces',
        'auth.adminPassword',
        'auth.htpasswd.file',
        'auth.keystone.url',
        'auth.keystone.ca',
        ...['issuer', 'keys', 'audience', 'realm'].map((key) => `auth.external.${key}`),
        'mirror.root.port',
      ],
    );
  });

  it('names each secret', () => {
    const secrets = describeConfig().filter(({ secret }) => secret);
    assert.deepEqual(
      secrets.map(({ key }) => key),
      [
        ...['password', 'applicationCredentialSecret', 'token', 'v1.key'].map(
          (key) => `storage.swift.${key}`,
        ),
        'auth.adminPassword',
      ],
    );
  });
});
