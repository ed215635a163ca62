import assert from 'node:assert/strict';
import { z } from 'zod';
import { loadConfig, printConfig } from '../../src/config/index.js';
import { collectKeys, configKeys } from '../../src/config/keys.js';
import { text } from '../../src/config/kinds.js';
import { printValues } from '../../src/config/print.js';
import { refuseValue } from '../../src/config/refusal.js';
import { key } from '../../src/config/key-facts.js';

const load = (yaml: string, env: Record<string, string> = {}) =>
  loadConfig({ env, cwd: '/', readFile: () => yaml });

const ACCOUNT = { OS_AUTH_URL: 'http://keystone.example:5000/v3', OS_USERNAME: 'u', OS_PROJECT_NAME: 'p' };

describe('config/print', () => {
  it('shows each value as written in a file, with its origin', () => {
    const printed = printConfig(
      load('server:\n  host: "::1"\nuploads: {purgeAfter: 240h}', {
        PORT: '7',
        STACKYARD_STORAGE_SHARED: 'true',
      }),
    );
    const lines = printed.split('\n').map((line) => line.trim());
    assert.ok(lines.includes('host: ::1 # file stackyard.yaml:2'), printed);
    assert.ok(lines.includes('port: 7 # env PORT'), printed);
    assert.ok(lines.includes('purgeAfter: 10d # file stackyard.yaml:3'), printed);
    assert.ok(lines.includes('shared: true # env STACKYARD_STORAGE_SHARED'), printed);
    assert.ok(lines.includes('manifestBytes: 64MiB # default'), printed);
    assert.ok(lines.includes('headersTimeout: 60s # default'), printed);
  });

  it('says which key is not set', () => {
    const printed = printConfig(load(''));
    assert.match(printed, /\n {2}# not set: shared\n/);
    assert.match(printed, /\n {4}# not set: prefix, storagePolicy, .*, v1\.user, v1\.key, .*caFile\n/);
  });

  it('can be loaded again and gives the same configuration', () => {
    const config = load(
      'cache: {maxAge: 1500ms, manifestBytes: 1000}\nstorage: {filesystem: {root: "a: #b"}}',
    );
    assert.deepEqual(load(printConfig(config)), config);
  });

  it('shows lists, as they can be loaded again', () => {
    const env = { STACKYARD_STORAGE_SWIFT_REDIRECT_CLIENTS: '10.0.0.0/8, 192.0.2.7' };
    const config = load('storage: {swift: {redirect: {repositories: ["team/*", "open/**"]}}}', env);
    const printed = printConfig(config);
    assert.match(printed, /clients: \[10\.0\.0\.0\/8, 192\.0\.2\.7\/32\] # env STACKYARD_STORAGE_/);
    assert.deepEqual(load(printed).storage.swift.redirect, config.storage.swift.redirect);
  });

  it('never shows a password of Swift', () => {
    const env = {
      OS_PASSWORD: 'hush',
      OS_TOKEN: 'hush',
      ST_KEY: 'hush',
      OS_APPLICATION_CREDENTIAL_SECRET: 'hush',
    };
    const values = { storage: { swift: { password: 'hush', token: 'hush', v1: { key: 'hush' } } } };
    const keys = configKeys.filter(({ path }) => path.startsWith('storage.swift.'));
    const printed = printValues(
      values,
      keys.filter(({ path }) => /password|token|v1\.key/.test(path)),
      () => 'env',
    );
    assert.doesNotMatch(printed, /hush/);
    assert.equal(printed.match(/\*\*\*/g)?.length, 3);
    const shown = printConfig(
      load('storage: {driver: swift, swift: {authType: v3password}}', { ...ACCOUNT, ...env }),
    );
    assert.doesNotMatch(shown, /hush/);
  });

  it('never shows a secret, in no message either', () => {
    const schema = z.strictObject({
      swift: z.strictObject({ key: key(text(), 'a', { secret: true, help: 'The key of the account.' }) }),
    });
    const keys = collectKeys(schema);
    const printed = printValues({ swift: { key: 'hush' } }, keys, () => 'env STACKYARD_SWIFT_KEY');
    assert.equal(printed, "swift:\n  key: '***' # env STACKYARD_SWIFT_KEY\n");
    const [swiftKey] = keys;
    assert.ok(swiftKey !== undefined);
    const setting = { value: ['hush'], where: 'stackyard.yaml:1', from: 'file' } as const;
    assert.equal(
      refuseValue(swiftKey, setting),
      'swift.key (stackyard.yaml:1): its value is not accepted; give text that is not empty',
    );
  });
});
