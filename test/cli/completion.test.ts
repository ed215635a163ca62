import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { told } from './test-context.js';

async function scriptOf(shell: string): Promise<string> {
  const { out, err, code } = await told(['completion', shell], {});
  assert.deepEqual([err, code], ['', 0]);
  return out;
}

/** What bash offers for the last of the words. */
function offered(script: string, words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const program = `${script}
COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _stackyard; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', program], { encoding: 'utf8' });
  assert.deepEqual([stderr, status], ['', 0]);
  return stdout.split('\n').filter(Boolean);
}

describe('stackyard completion', () => {
  it('offers commands and options to bash', async () => {
    const script = await scriptOf('bash');
    assert.deepEqual(offered(script, ['stackyard', 're']), ['repository', 'read-only']);
    assert.deepEqual(offered(script, ['stackyard', 'tag', '']).slice(0, 4), [
      'list',
      'show',
      'set',
      'delete',
    ]);
    const options = offered(script, ['stackyard', '--server', 'http://x', 'user', 'create', 'alice', '--']);
    assert.ok(['--admin', '--group', '--json', '--server', '--help'].every((each) => options.includes(each)));
    assert.ok(!options.includes('--grant'));
    assert.deepEqual(offered(script, ['stackyard', 'completion', '']).slice(0, 3), ['bash', 'zsh', 'fish']);
    assert.deepEqual(offered(script, ['stackyard', 'log-level', 'set', 'd']), ['debug']);
    assert.deepEqual(offered(script, ['stackyard', 'import', 'team/app', 'ima']), []);
  });

  it('has the same words for zsh and fish', async () => {
    const [zsh, fish] = [await scriptOf('zsh'), await scriptOf('fish')];
    assert.match(zsh, /^#compdef stackyard\n/);
    assert.match(
      zsh,
      /" robot create"\) words_here="--grant --expires --json --server --ca --config --help" ;;/,
    );
    assert.match(fish, /complete -c stackyard -n '__stackyard_at "audit"' -f -a 'list export'\n/);
    assert.match(fish, /complete -c stackyard -n '__stackyard_at "audit list"' -l since\n/);
  });

  it('needs a shell that it knows', async () => {
    const { code, err } = await told(['completion', 'csh'], {});
    assert.equal(code, 2);
    assert.match(
      err,
      /^stackyard: command-argument value 'csh' is invalid .* Allowed choices are bash, zsh, fish\.\n$/,
    );
  });
});
