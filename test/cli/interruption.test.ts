import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Interrupted } from '../../src/cli/exit.js';
import { interruptible } from '../../src/cli/interruption.js';
import { bytesOf } from '../http/content.js';
import { compiledRoot } from '../support/project.js';
import { cleanEnvironment } from '../support/server-process.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('cli/interruption', () => {
  const rejected = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))));

  it('ends work by the first signal, and leaves the second to the system', async () => {
    for (const [name, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const source = new EventEmitter();
      const ended = interruptible(source, rejected);
      assert.ok(source.emit(name, name));
      assert.ok(!source.emit('SIGINT') && !source.emit('SIGTERM'));
      await assert.rejects(ended, (error) => error instanceof Interrupted && error.code === code);
    }
  });

  it('tells what failed by itself, and what was done nevertheless', async () => {
    const source = new EventEmitter();
    await assert.rejects(
      interruptible(source, () => Promise.reject(new Error('own'))),
      /own/,
    );
    const done = interruptible(source, async () => {
      source.emit('SIGINT', 'SIGINT');
      return 'done';
    });
    assert.equal(await done, 'done');
    assert.deepEqual(source.eventNames(), []);
  });
});

describe('stackyard import on Ctrl-C', function () {
  this.timeout(30_000);

  it('leaves nothing of what it stored', async () => {
    const home = await temporaryDirectory('interrupted');
    try {
      const root = join(home.path, 'data');
      mkdirSync(root);
      const bin = join(compiledRoot, 'src/cli/stackyard.js');
      const child = spawn(process.execPath, [bin, 'import', 'team/app', '-'], {
        cwd: home.path,
        env: { ...cleanEnvironment(), STACKYARD_STORAGE_FILESYSTEM_ROOT: root },
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      const exit = once(child, 'exit');
      child.stdin.on('error', () => undefined);
      child.stdin.write(tarHead(`blobs/sha256/${'a'.repeat(64)}`, 512 * 1024 * 1024));
      child.stdin.write(bytesOf(8 * 1024 * 1024));
      while (filesOf(root).length === 0 && child.exitCode === null) await setTimeout(20);
      child.kill('SIGINT');
      assert.deepEqual(await exit, [130, null]);
      assert.deepEqual(filesOf(root), []);
    } finally {
      await home.remove();
    }
  });

  /** Segments. */
  const filesOf = (root: string): string[] =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => file.includes('segments'));
});

/** One of a file, as tar has it (POSIX ustar). */
function tarHead(name: string, size: number): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write('0000644\0', 100);
  head.write('0000000\0', 108);
  head.write('0000000\0', 116);
  head.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  head.write('00000000000\0', 136);
  head.write('        ', 148);
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}
