import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { principalKey } from '../../src/domain/keys.js';
import { compiledRoot } from '../support/project.js';
import { cleanEnvironment } from '../support/server-process.js';
import { temporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';

const USERS = 2000;

describe('the command line and a slow reader', function () {
  this.timeout(60_000);

  it('loses nothing of a long output, and ends well for one that reads no more', async () => {
    const home = await temporaryDirectory('long-output');
    try {
      const root = join(home.path, 'data');
      mkdirSync(join(root, principalKey('x'), '..'), { recursive: true });
      for (let at = 0; at < USERS; at += 1) {
        const record = { kind: 'user', createdAt: '2026-01-01T00:00:00Z' };
        writeFileSync(join(root, principalKey(`user${at}`)), JSON.stringify(record));
      }
      const bin = join(compiledRoot, 'src/cli/stackyard.js');
      const env = { ...cleanEnvironment(), STACKYARD_STORAGE_FILESYSTEM_ROOT: root };
      const shell = async (reader: string): Promise<string> =>
        (
          await runTool('sh', ['-c', `"$0" "$1" user list --json | ${reader}`, process.execPath, bin], {
            cwd: home.path,
            env: env,
          })
        ).stdout;
      const users = JSON.parse(await shell('(sleep 2; cat)')) as unknown[];
      assert.equal(users.length, USERS);
      assert.match(await shell('head -c 10'), /^\[\{"name":/);
    } finally {
      await home.remove();
    }
  });
});
