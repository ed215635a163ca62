import assert from 'node:assert/strict';
import type { Context } from 'mocha';
import { everythingRequired, findTool, leaveOut, requireTool, skippedSuites } from './requirement.js';

describe('a suite whose program is missing', () => {
  const saved = {
    CI: process.env['CI'],
    STACKYARD_TEST_REQUIRE_ALL: process.env['STACKYARD_TEST_REQUIRE_ALL'],
  };
  const skip = () => {
    throw new Error('skipped');
  };
  const context = { test: { parent: { fullTitle: () => 'a suite' } }, skip } as unknown as Context;

  beforeEach(() => {
    delete process.env['CI'];
    delete process.env['STACKYARD_TEST_REQUIRE_ALL'];
  });

  afterEach(() => {
    for (const [name, value] of Object.entries(saved)) if (value !== undefined) process.env[name] = value;
  });

  it('is left out, and its reason is recorded', () => {
    const before = skippedSuites.length;
    assert.throws(() => requireTool(context, 'no-such-program'), /^Error: skipped$/);
    assert.deepEqual(skippedSuites.splice(before), [
      { suite: 'a suite', reason: 'no-such-program is not installed' },
    ]);
  });

  it('fails in CI and where everything is required', () => {
    for (const [name, value] of [
      ['CI', 'true'],
      ['STACKYARD_TEST_REQUIRE_ALL', '1'],
    ] as const) {
      process.env[name] = value;
      assert.ok(everythingRequired());
      assert.throws(() => leaveOut(context, 'why'), /a suite: why, and every suite is required here/);
      delete process.env[name];
    }
  });

  it('finds a program on the path', () => {
    assert.match(findTool('sh') ?? '', /\/sh$/);
    assert.equal(findTool('no-such-program'), undefined);
  });
});
