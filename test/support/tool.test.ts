import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { startChild } from './child.js';
import { temporaryDirectory } from './temporary.js';
import { runTool, ToolError, tryTool } from './tool.js';

const node = (code: string) => ['-e', code];

describe('running a tool', () => {
  it('captures what it says and feeds its input', async () => {
    const result = await runTool(process.execPath, node('process.stdin.pipe(process.stdout)'), {
      input: 'words',
    });
    assert.deepEqual([result.code, result.stdout, result.stderr], [0, 'words', '']);
  });

  it('names the command, the exit code and the end of its errors', async () => {
    const code = 'console.error("why it failed"); process.exit(7)';
    assert.equal((await tryTool(process.execPath, node(code))).code, 7);
    await assert.rejects(runTool(process.execPath, node(code)), (error) => {
      assert.ok(error instanceof ToolError);
      assert.ok(error.message.startsWith(process.execPath));
      assert.match(error.message, /exit 7: why it failed$/);
      return true;
    });
  });

  it('ends a tool that takes too long', async () => {
    const began = performance.now();
    const never = tryTool(process.execPath, node('setInterval(() => {}, 1000)'), { timeoutMs: 300 });
    await assert.rejects(never, /not done within 300 ms/);
    assert.ok(performance.now() - began < 10_000);
  });

  it('says that a program is missing', async () => {
    await assert.rejects(runTool('no-such-program', []), /no-such-program could not be started/);
  });
});

describe('a started process', () => {
  it('is killed when it does not end on SIGTERM', async () => {
    const code = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)';
    const child = await startChild(process.execPath, node(code), { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.process.stdout?.once('data', resolve));
    assert.deepEqual(await child.stop(200), { code: null, signal: 'SIGKILL', forced: true });
    assert.equal(child.running(), false);
  });

  it('does not outlive the process that started it', async () => {
    const home = await temporaryDirectory();
    const module = new URL('./child.js', import.meta.url).href;
    const code = `const { startChild } = await import(${JSON.stringify(module)});
      const child = await startChild(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      console.log(child.pid);
      process.exit(0);`;
    const { stdout } = await runTool(process.execPath, ['--input-type=module', ...node(code)], {
      cwd: home.path,
    });
    const pid = Number(stdout.trim());
    assert.ok(pid > 0);
    for (let i = 0; i < 100 && existsSync(`/proc/${pid}`); i++) await new Promise((go) => setTimeout(go, 50));
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    await home.remove();
    assert.ok(!existsSync(home.path));
  });
});
