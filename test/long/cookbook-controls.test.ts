import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BED, startChefHost, type ChefHost } from '../support/chef/host.js';
import { packedProject } from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { projectRoot } from '../support/project.js';
import { requireTool } from '../support/requirement.js';
import type { ToolResult } from '../support/tool.js';

const TESTS = join(projectRoot, 'cookbook', 'test');

describe('the cookbook: the suites of Test Kitchen', function () {
  this.timeout(120_000);
  let host: ChefHost;

  before(async function () {
    for (const program of ['rspec', 'dockerd', 'ss']) requireTool(this, program);
    const tarball = await packedProject(this);
    host = await startChefHost(this, []);
    await copyFile(tarball, host.path('/srv/stackyard.tgz'));
    await host.run('sh', '-c', `[ -e /usr/bin/node ] || ln -s ${process.execPath} /usr/bin/node`);
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  /** By rspec and a stand-in for InSpec's resources. */
  const controls = (suite: string): Promise<ToolResult> =>
    host.tryRun([
      'rspec',
      '-r',
      `${BED}/chef/controls.rb`,
      `${BED}/cookbook/test/integration/${suite}/${suite}_test.rb`,
    ]);

  for (const suite of ['client', 'server']) {
    it(`${suite}: a second converge changes nothing, and every control holds that did not hold before`, async () => {
      const before = await controls(suite);
      assert.match(before.stdout, /^(\d+) examples, \1 failures$/m, before.stdout + before.stderr);
      const recipe = join(TESTS, 'cookbooks', 'stackyard_test', 'recipes', `${suite}.rb`);
      await new Watch(host).changesOnce(await readFile(recipe, 'utf8'));
      const after = await controls(suite);
      assert.equal(after.code, 0, after.stdout + after.stderr);
      assert.match(after.stdout, /^[1-9]\d* examples, 0 failures$/m);
    });
  }
});
