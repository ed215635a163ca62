import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HEAP_FLAGS } from '../../src/composition/workers.js';
import { compiledRoot, projectRoot } from '../support/project.js';
import { requireTool } from '../support/requirement.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';
import { load } from '../config/load.js';
import { AFTER_DRAIN } from './time-to-stop.js';

/** As systemd-analyze counts: 0 is not exposed at all, 10 is wide open. */
const EXPOSURE_LIMIT = 1.5;

describe('deploy/stackyard.service', () => {
  let text: string;
  const valuesOf = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

  before(async () => (text = await readFile(join(projectRoot, 'deploy', 'stackyard.service'), 'utf8')));

  it('starts the command with the flags of npm start, by absolute paths', () => {
    const [start = ''] = valuesOf('ExecStart');
    const [node, ...rest] = start.split(' ');
    const program = '/opt/stackyard/dist/src/cli/stackyard.js';
    assert.equal(node, '/usr/bin/node');
    assert.deepEqual(rest, [...HEAP_FLAGS, program, 'serve']);
  });

  it('sets variables that the server knows, and waits longer than a stop takes', () => {
    const pairs = valuesOf('Environment').map((each) => each.split('=') as [string, string]);
    const env = Object.fromEntries(pairs);
    const path = env['STACKYARD_CONFIG'] ?? '';
    const { server } = load({ env, files: { [path]: 'storage: {driver: filesystem}' } });
    const [stop = ''] = valuesOf('TimeoutStopSec');
    assert.ok(Number(stop) * 1000 >= server.drainDelay + server.drainTimeout + AFTER_DRAIN);
  });

  it('keeps what the JIT and large transfers need', () => {
    assert.deepEqual(valuesOf('MemoryDenyWriteExecute'), []);
    assert.deepEqual(valuesOf('LimitNOFILE'), ['65536']);
  });

  describe('as systemd-analyze reads it', function () {
    this.timeout(60_000);
    let home: TemporaryDirectory;
    let program: string;
    let file: string;

    before(async function () {
      program = requireTool(this, 'systemd-analyze');
      home = await temporaryDirectory('unit');
      file = join(home.path, 'stackyard.service');
      // Where this machine has node and the program: what is executed must be there.
      const here = text
        .replace('/usr/bin/node', process.execPath)
        .replace('/opt/stackyard/dist', compiledRoot);
      await writeFile(file, here);
    });
    after(() => (home as TemporaryDirectory | undefined)?.remove());

    it('is valid, without a warning', async () => {
      const { code, stdout, stderr } = await tryTool(program, ['verify', '--man=no', file]);
      const own = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('stackyard.service'));
      assert.deepEqual({ code, own }, { code: 0, own: [] });
    });

    it('exposes little', async () => {
      const { stdout } = await runTool(program, ['security', '--offline=true', '--no-pager', file]);
      const exposure = Number(/exposure level for stackyard\.service: ([\d.]+)/.exec(stdout)?.[1]);
      console.log(`      exposure ${exposure}`);
      assert.ok(exposure > 0 && exposure <= EXPOSURE_LIMIT, `${exposure}`);
    });
  });
});
