import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leavesOf } from '../../src/cli/command-tree.js';
import { EXAMPLES } from '../../src/cli/examples.js';
import { EXIT } from '../../src/cli/exit.js';
import { commandPage } from '../../src/cli/manual.js';
import { processContext } from '../../src/cli/process-context.js';
import { createProgram } from '../../src/cli/program.js';
import { projectRoot } from '../support/project.js';
import { told } from './test-context.js';

describe('cli/manual', () => {
  const program = createProgram(processContext);
  const leaves = program.commands.flatMap((command) => leavesOf(command));

  it('is what docs/cli.md holds: else run `npm run docs`', () => {
    assert.equal(readFileSync(join(projectRoot, 'docs', 'cli.md'), 'utf8'), commandPage(program));
  });

  it('has an example of every command, and of nothing else', () => {
    assert.deepEqual(Object.keys(EXAMPLES).sort(), leaves.map(({ words }) => words).sort());
    for (const { words } of leaves) assert.match(EXAMPLES[words] ?? '', new RegExp(`stackyard ${words}\\b`));
  });

  it('tells examples and exit codes as help, too', async () => {
    const { out } = await told(['robot', 'create', '--help'], {});
    assert.match(
      out,
      /\nExample:\n {2}stackyard robot create ci --grant 'team\/\*\*:pull,push' --expires 90d\n$/,
    );
    const help = await told(['help'], {});
    for (const code of Object.values(EXIT)) assert.match(help.out, new RegExp(`\n {2}${code} {2}\\S`));
  });

  it('takes every option that an example has', () => {
    for (const { words, command } of leaves) {
      const options = (EXAMPLES[words] ?? '').match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [];
      for (const option of options) {
        const known = command.options.some(({ short, long }) => short === option || long === option);
        assert.ok(known, `${words} has no ${option}`);
      }
    }
  });
});
