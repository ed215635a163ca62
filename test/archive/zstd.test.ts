import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { InvalidArchive } from '../../src/archive/invalid-archive.js';
import { Decompressed } from '../../src/archive/decompressed.js';
import { unzstd } from '../../src/archive/zstd-thread.js';
import { bytesOf } from '../http/content.js';
import { requireTool } from '../support/requirement.js';
import { temporaryDirectory } from '../support/temporary.js';
import type { TemporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';
import { streamOf } from './archives.js';

const MIB = 1024 * 1024;
/** A frame of one Huffman table that is never full: fzstd does not return from it. */
const ENDLESS = Buffer.from('28b52ffd20c855000042810105f003ffff01000000000000000000', 'hex');

describe('archive: zstd', function () {
  this.timeout(30_000);
  let home: TemporaryDirectory;
  before(async () => {
    home = await temporaryDirectory('zstd');
  });
  after(() => home.remove());

  const decompressed = (bytes: Buffer, maxBytes = 64 * MIB) =>
    buffer(Readable.from(new Decompressed(streamOf(bytes, 10_001), maxBytes).read()));

  async function compressed(program: string, args: readonly string[], bytes: Buffer): Promise<Buffer> {
    const [source, target] = [join(home.path, 'source'), join(home.path, 'target')];
    await writeFile(source, bytes);
    await runTool(program, [...args, '-q', '-f', source, '-o', target]);
    return readFile(target);
  }

  const text = Buffer.from(Array.from({ length: 50_000 }, (_, i) => `line ${i % 977} of ${i}\n`).join(''));
  const mixed = Buffer.concat([text, bytesOf(MIB, 5), Buffer.alloc(MIB), text]);

  for (const args of [
    ['-1'],
    ['-3', '-T0'],
    ['-19'],
    ['--no-check', '-5'],
    ['--fast=4'],
    ['-B100000', '-T2', '-3'],
  ]) {
    it(`reads what zstd ${args.join(' ')} writes`, async function () {
      requireTool(this, 'zstd');
      for (const bytes of [mixed, Buffer.from('x'), Buffer.alloc(100_000)])
        assert.ok((await decompressed(await compressed('zstd', args, bytes))).equals(bytes));
    });
  }

  it('reads several frames, those to be passed over too, and what pzstd writes', async function () {
    requireTool(this, 'zstd');
    const [one, two] = [await compressed('zstd', [], text), await compressed('zstd', ['--no-check'], mixed)];
    const skippable = Buffer.concat([Buffer.from('502a4d1805000000', 'hex'), Buffer.alloc(5)]);
    const frames = Buffer.concat([skippable, one, skippable, two, skippable]);
    assert.ok((await decompressed(frames)).equals(Buffer.concat([text, mixed])));
    requireTool(this, 'pzstd');
    assert.ok((await decompressed(await compressed('pzstd', ['-p', '3'], mixed))).equals(mixed));
  });

  it('refuses large windows, dictionaries, what is cut off, and what follows', async function () {
    requireTool(this, 'zstd');
    const whole = await compressed('zstd', [], mixed);
    const large = await compressed('zstd', ['--long=27', '-3'], Buffer.concat([mixed, bytesOf(20 * MIB)]));
    const dictionary = Buffer.from(whole);
    dictionary[4] = (dictionary[4] ?? 0) | 1;
    const cases = [
      [large, /its window is above 8 MiB; compress it with zstd -19 or less/],
      [dictionary, /needs a dictionary/],
      [whole.subarray(0, -1), /it is cut off/],
      [whole.subarray(0, 100_000), /it is cut off/],
      [Buffer.concat([whole, Buffer.from('garbage')]), /does not begin as one of zstd/],
      [Buffer.concat([whole, Buffer.from('xy')]), /it is cut off/],
      [Buffer.from(whole).fill(0xff, 500, 600), /./],
    ] as const;
    for (const [bytes, message] of cases) {
      await assert.rejects(decompressed(bytes), (error) => {
        assert.ok(error instanceof InvalidArchive, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
  });

  it('stops at the bytes that are allowed', async function () {
    requireTool(this, 'zstd');
    const bomb = await compressed('zstd', ['-19'], Buffer.alloc(40 * MIB));
    assert.ok(bomb.byteLength < 10_000);
    await assert.rejects(decompressed(bomb, MIB), /more than 1048576 bytes when it is decompressed/);
  });

  it('refuses input without end that holds nothing', async () => {
    const skippable = (size: number) =>
      Buffer.concat([Buffer.from('502a4d18ffffffff', 'hex'), Buffer.alloc(size)]);
    await assert.rejects(
      decompressed(skippable(17 * MIB), 1024 * MIB),
      /holds less than what it is compressed to/,
    );
    await assert.rejects(decompressed(skippable(2 * MIB), MIB), /has more than 1048576 bytes/);
    const members = Buffer.alloc(17 * MIB, gzipSync(''));
    await assert.rejects(decompressed(members, 1024 * MIB), /holds less than what it is compressed to/);
  });

  it('ends a thread that does not come back', async () => {
    await assert.rejects(
      buffer(Readable.from(unzstd(streamOf(ENDLESS), 300))),
      /it takes too long to decompress/,
    );
  });
});
