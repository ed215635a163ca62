import assert from 'node:assert/strict';
import { loadConfig, printConfig } from '../../src/config/index.js';
import { keyFacts, configSchema } from '../../src/config/schema.js';

const load = (yaml: string, env: Record<string, string> = {}) =>
  loadConfig({ env, cwd: '/', readFile: () => yaml });

describe('config/print', () => {
  it('shows each value as written in a file, with its origin', () => {
    const printed = printConfig(
      load('server:\n  host: "::1"\nuploads: {purgeAfter: 240h}', { PORT: '7', STACKYARD_STORAGE_SHARED: 'true' }),
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
    assert.match(printConfig(load('')), /\n {2}# shared: not set\n/);
  });

  it('can be loaded again and gives the same configuration', () => {
    const config = load('cache: {maxAge: 1500ms, manifestBytes: 1000}\nstorage: {filesystem: {root: "a: #b"}}');
    assert.deepEqual(load(printConfig(config)), config);
  });

  it('never shows a secret', () => {
    const root = configSchema.shape.storage.shape.filesystem.shape.root;
    const facts = keyFacts.get(root);
    assert.ok(facts !== undefined);
    // The schema has no secret yet; the printer reads the mark when the keys are collected.
    assert.equal(facts.secret, undefined);
  });
});
