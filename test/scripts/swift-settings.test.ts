import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../support/project.js';
import { tryTool } from '../support/tool.js';

const UP = join(projectRoot, 'scripts', 'swift', 'up.mjs');

describe('scripts/swift/up.mjs', () => {
  let root: string;

  before(async () => (root = await mkdtemp(join(tmpdir(), 'sy-up-'))));
  after(async () => rm(root, { recursive: true, force: true }));

  for (const [why, args, line] of [
    ['an option that it does not know', ['--sett', 'a'], /^swift: Unknown option '--sett'/],
    ['a setting without its parts', ['--set', 'token_life=5'], /^swift: --set token_life=5: it takes FILE/],
    [
      'a setting of a file that is none',
      ['--set', 'x/y/z=1'],
      /^swift: no file x to set y\/z in: .*proxy-server/,
    ],
    ['a name that is none', ['--proxy', '../p'], /^swift: --proxy \.\.\/p: a name is /],
    ['a port that is none', ['--port', '80a'], /^swift: --port 80a: it takes a port number/],
  ] as const) {
    it(`refuses ${why} in one line, and starts nothing`, async () => {
      const { code, stdout, stderr } = await tryTool(process.execPath, [UP, '--root', root, ...args]);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      // A machine without Debian's packages says that instead, for a setting that only their files tell.
      assert.match(stderr, /^swift: not installed/.test(stderr) ? /^swift: not installed/ : line);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
