import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../support/project.js';
import { requireTool } from '../support/requirement.js';
import { tryTool } from '../support/tool.js';

const COOKBOOK = join(projectRoot, 'cookbook');

const COMPILE = 'ARGV.each { |file| RubyVM::InstructionSequence.compile_file(file) }';
/** As Chef loads libraries, and backwards: then none needs another before its methods are called. */
const LOAD = 'ARGV.each { |file| require file }';

/** What a program says about the cookbook where it ends badly, or warns. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryTool(program, args, {
    cwd: COOKBOOK,
    // As on a host whose administrator set no language.
    env: { LANG: 'C', LC_ALL: 'C', RUBYOPT: '' },
    timeoutMs: 110_000,
  });
  assert.ok(code === 0 && stderr.trim() === '', `${program} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

describe('the cookbook', function () {
  this.timeout(120_000);
  let files: readonly string[];

  before(async () => {
    const entries = await readdir(COOKBOOK, { recursive: true });
    files = entries
      .filter((path) => path.endsWith('.rb'))
      .sort()
      .map((path) => join(COOKBOOK, path));
    assert.ok(files.length > 30, `${files.length} files of Ruby`);
  });

  after(() =>
    console.log(
      '    not run: ChefSpec, InSpec, Test Kitchen (need the Chef client): cookbook/README.md tells how',
    ),
  );

  it('is Ruby without warnings', async function () {
    requireTool(this, 'ruby');
    await run('ruby', ['-w', '-e', COMPILE, ...files]);
  });

  it('has libraries that load in any order', async function () {
    requireTool(this, 'ruby');
    const libraries = files.filter((file) => file.startsWith(join(COOKBOOK, 'libraries')));
    await run('ruby', ['-w', '-e', LOAD, ...libraries]);
    await run('ruby', ['-w', '-e', LOAD, ...libraries.toReversed()]);
  });

  it('keeps what the specs of its libraries say', async function () {
    requireTool(this, 'rspec');
    const said = await run('rspec', ['--no-color', 'spec/unit/libraries']);
    assert.match(said, /^[1-9]\d* examples, 0 failures$/m);
  });

  it('is in the style of rubocop', async function () {
    requireTool(this, 'rubocop');
    await run('rubocop', ['--cache', 'false', '--no-color']);
  });
});
