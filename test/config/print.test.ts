import assert from 'node:assert/strict';
import { z } from 'zod';
import { loadConfig, printConfig } from '../../src/config/index.js';
import { collectKeys } from '../../src/config/keys.js';
import { text } from '../../src/config/kinds.js';
import { printValues } from '../../src/config/print.js';
import { refuseValue } from '../../src/config/refusal.js';
import { key } from '../../src/config/schema.js';

const load = (yaml: string, env: Record<string, string> = {}) =>
  loadConfig({ env, cwd: '/', readFile: () => yaml });

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
    assert.match(printConfig(load('')), /\n {2}# shared: not set\n/);
  });

  it('can be loaded again and gives the same configuration', () => {
    const config = load(
      'cache: {maxAge: 1500ms, manifestBytes: 1000}\nstorage: {filesystem: {root: "a: #b"}}',
    );
    assert.deepEqual(load(printConfig(config)), config);
  });

  it('never shows a secret, in no message either', () => {
    const schema = z.strictObject({
      swift: z.strictObject({ key: key(text(), 'a', { secret: true, help: 'The key of the account.' }) }),
    });
    const keys = collectKeys(schema);
    const printed = printValues({ swift: { key: 'hush' } }, keys, () => 'env STACKYARD_SWIFT_KEY');
    assert.equal(printed, 'swift:\n  key: "***" # env STACKYARD_SWIFT_KEY\n');
    const [swiftKey] = keys;
    assert.ok(swiftKey !== undefined);
    const setting = { value: ['hush'], where: 'stackyard.yaml:1', from: 'file' } as const;
    assert.equal(
      refuseValue(swiftKey, setting),
      'swift.key (stackyard.yaml:1): its value is not accepted; give text that is not empty',
    );
  });
});
