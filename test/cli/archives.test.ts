import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { ApiProblem, type AdminConnection } from '../../src/api/admin-connection.js';
import type { CommandContext } from '../../src/cli/command-context.js';
import { savedImage, tarArchive } from '../archive/archives.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { AdminWorld, WAYS } from './admin-world.js';
import { told } from './test-context.js';

class Collected extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.chunks.push(chunk);
    done();
  }
}

for (const way of WAYS)
  describe(`stackyard import and export [${way}]`, function () {
    this.timeout(20_000);
    let world: AdminWorld;
    let home: TemporaryDirectory;

    beforeEach(async () => {
      world = await AdminWorld.open(way);
      home = await temporaryDirectory('archives');
    });
    afterEach(async () => {
      await world.remove();
      await home.remove();
    });

    it('takes an archive from the standard input, and gives one to the standard output', async () => {
      const stdin = await tarArchive(savedImage(['team/app:1.0']).entries);
      const imported = await world.stackyard('import team/app -', { stdin });
      assert.deepEqual([imported.err, imported.code], ['', 0]);
      assert.match(
        imported.out,
        /^imported 1 image \(.* 3 new blobs, 0 known\) into team\/app\n1\.0 {2}sha256:/,
      );
      const stdout = new Collected();
      const exported = await world.stackyard('export team/app 1.0 -o -', { stdout });
      assert.deepEqual(exported, { out: '', err: '', code: 0 });
      assert.ok(!stdout.destroyed && !stdout.writableEnded);
      const file = join(home.path, 'app.tar');
      await world.stackyard(`export team/app 1.0 -o ${file}`);
      assert.ok(Buffer.concat(stdout.chunks).equals(await readFile(file)));
      assert.deepEqual(await readdir(home.path), ['app.tar']);
    });

    it('shows how far it is, where somebody watches, and takes that away', async () => {
      const lines: string[] = [];
      const context = { progress: (line: string) => void lines.push(line) };
      const stdin = await tarArchive(savedImage(['team/app:1.0']).entries);
      await world.stackyard('import team/app -', { stdin, context });
      assert.match(lines[0] ?? '', /^importing [\d.]+ KiB, all sent$/);
      assert.equal(lines.at(-1), '');
      lines.length = 0;
      await world.stackyard(`export team/app 1.0 -o ${join(home.path, 'app.tar')}`, { context });
      assert.match(lines[0] ?? '', /^exporting ([\d.]+ KiB) of \1 \(100 %\), all sent$/);
      assert.equal(lines.at(-1), '');
    });
  });

describe('stackyard export', () => {
  let home: TemporaryDirectory;
  let file: string;

  beforeEach(async () => {
    home = await temporaryDirectory('export');
    file = join(home.path, 'app.tar');
  });
  afterEach(() => home.remove());

  const exported = async (
    body: () => AsyncGenerator<Buffer>,
    output: string,
    more: Partial<CommandContext> = {},
  ) => {
    const api = {
      download: async () => ({ size: 10, body: Readable.from(body(), { objectMode: false }) }),
      close: async () => undefined,
    } as unknown as AdminConnection;
    return told(['export', 'a', '1', '-o', output, '--server', 'http://x'], {
      openAdmin: async () => api,
      ...more,
    });
  };
  async function* bytes(): AsyncGenerator<Buffer> {
    yield Buffer.from('0123456789');
  }
  async function* cut(): AsyncGenerator<Buffer> {
    yield Buffer.from('01234');
    throw new ApiProblem('unreachable', 'cannot reach http://x: the connection was cut; try again');
  }

  it('leaves the file that was there until another is whole', async () => {
    await writeFile(file, 'before');
    const { code, err, out } = await exported(cut, file);
    assert.deepEqual([code, out], [7, '']);
    assert.equal(err, 'stackyard: cannot reach http://x: the connection was cut; try again\n');
    assert.equal(await readFile(file, 'utf8'), 'before');
    assert.deepEqual(await readdir(home.path), ['app.tar']);
    assert.equal((await exported(bytes, file)).out, `exported 1 of a to ${file}\n`);
    assert.equal(await readFile(file, 'utf8'), '0123456789');
  });

  it('writes no archive to a terminal', async () => {
    const stdout = { stream: () => assert.fail('nothing is written'), isTerminal: true };
    const { code, err } = await exported(bytes, '-', { stdout });
    assert.equal(code, 2);
    assert.match(err, /^stackyard: an archive is not for a terminal: give -o FILE, or pipe the output\n$/);
  });

  it('ends well for a reader that has seen enough', async () => {
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const told = await exported(bytes, '-', { stdout: { stream: () => closed, isTerminal: false } });
    assert.deepEqual(told, { out: '', err: '', code: 0 });
  });
});

describe('stackyard import', () => {
  it('prints what the server tells without what could steer the terminal', async () => {
    const digest = 'sha256:\u009b2J';
    const report = { repository: 'a', images: [{ digest, tags: ['\u001b[1m'] }], bytes: 5 };
    const api = {
      upload: async () => ({ ...report, blobs: { added: 0, known: 0 } }),
      close: async () => undefined,
    } as unknown as AdminConnection;
    const given = { openAdmin: async () => api, stdin: () => Readable.from([]) };
    const words = ['import', 'a', '-', '--server', 'http://x'];
    assert.match((await told(words, given)).out, /\n\?\[1m {2}sha256:\?2J\n$/);
    assert.match(
      (await told([...words, '--json'], given)).out,
      /"sha256:\\u009b2J","tags":\["\\u001b\[1m"\]/,
    );
  });
});

describe('stackyard repository delete', () => {
  const api = {
    call: async () => ({ value: { manifests: 1, tags: 2, blobs: 0 } }),
    close: async () => undefined,
  } as unknown as AdminConnection;
  const removed = (ask: CommandContext['ask'], ...words: string[]) =>
    told(['repository', 'delete', 'team/app', '--server', 'http://x', ...words], {
      ask,
      openAdmin: async () => api,
    });

  it('asks at a terminal, and needs --yes elsewhere', async () => {
    const done = 'the repository team/app is deleted: 2 tags, 1 manifest, 0 blobs\n';
    assert.equal((await removed(async () => 'team/app')).out, done);
    assert.equal((await removed(undefined, '--yes')).out, done);
    for (const [ask, err] of [
      [async () => 'yes', /^stackyard: nothing was deleted\n$/],
      [undefined, /^stackyard: give --yes to delete team\/app with all that it holds\n$/],
    ] as const) {
      const told = await removed(ask);
      assert.deepEqual([told.code, told.out], [2, '']);
      assert.match(told.err, err);
    }
  });
});
