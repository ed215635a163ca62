import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { watched } from '../../src/cli/progress.js';

const MIB = Buffer.alloc(1024 * 1024);

/** Ten MiB, one each 100 ms. */
async function linesOf(size: number | undefined, failure?: Error): Promise<readonly string[]> {
  const lines: string[] = [];
  let time = 0;
  async function* bytes() {
    for (let at = 0; at < 10; at += 1) {
      time += 100;
      yield MIB;
      if (failure !== undefined) throw failure;
    }
  }
  const context = { progress: (line: string) => void lines.push(line), now: () => time };
  const all = buffer(watched(context, 'importing', bytes(), size));
  if (failure === undefined) assert.equal((await all).byteLength, 10 * MIB.byteLength);
  else await assert.rejects(all, failure);
  return lines;
}

describe('cli/progress', () => {
  it('tells bytes, the part of all, and the rate, now and then', async () => {
    const lines = await linesOf(20 * MIB.byteLength);
    assert.equal(lines.length, 6);
    assert.deepEqual(lines.slice(0, 2), [
      'importing 2 MiB of 20 MiB (10 %), 10 MiB/s',
      'importing 4 MiB of 20 MiB (20 %), 10 MiB/s',
    ]);
    assert.equal(lines.at(-1), 'importing 10 MiB of 20 MiB (50 %), all sent');
  });

  it('tells what is known without a size', async () => {
    assert.equal((await linesOf(undefined))[0], 'importing 2 MiB, 10 MiB/s');
  });

  it('leaves no line behind where it fails', async () => {
    assert.equal((await linesOf(20, new Error('cut'))).at(-1), '');
  });

  it('is nothing where nobody watches', async () => {
    const context = { now: () => assert.fail('nobody asked for the time') };
    async function* bytes() {
      yield MIB;
    }
    assert.ok((await buffer(watched(context, 'importing', bytes(), 1))).equals(MIB));
  });
});
