import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { AdminConnection } from '../../src/api/admin-connection.js';
import { Interrupted } from '../../src/cli/exit.js';
import type { CommandContext } from '../../src/cli/command-context.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { told } from './test-context.js';

describe('cli/downloads', () => {
  let home: TemporaryDirectory;
  let file: string;
  let asked: number;

  beforeEach(async () => {
    home = await temporaryDirectory('downloads');
    file = join(home.path, 'app.tar');
    asked = 0;
  });
  afterEach(() => home.remove());

  async function* bytes(): AsyncGenerator<Buffer> {
    yield Buffer.from('0123456789');
  }
  const exported = async (output: string, more: Partial<CommandContext> = {}, body = bytes) => {
    const api = {
      download: async () => {
        asked += 1;
        return { body: Readable.from(body(), { objectMode: false }) };
      },
      close: async () => undefined,
    } as unknown as AdminConnection;
    const openAdmin = async () => api;
    return told(['export', 'a', '1', '-o', output, '--server', 'http://x'], { openAdmin, ...more });
  };

  it('refuses what cannot be written to before anything is asked for', async () => {
    await mkdir(file);
    const link = join(home.path, 'link');
    await symlink(join(home.path, 'nowhere'), link);
    await writeFile(join(home.path, 'plain'), '');
    for (const [output, message] of [
      [file, /is a directory; give the name of a file in it\n$/],
      [link, /is a link that leads nowhere; give another file\n$/],
      [join(home.path, 'plain', 'x'), /cannot be written \(ENOTDIR\); give another file\n$/],
    ] as const) {
      const { code, err } = await exported(output);
      assert.equal(code, 2);
      assert.match(err, message);
    }
    assert.equal(asked, 0);
    assert.deepEqual(await readdir(home.path), ['app.tar', 'link', 'plain']);
  });

  it('writes to what a link leads to, which keeps its permissions', async () => {
    const link = join(home.path, 'link');
    await writeFile(file, 'before');
    await chmod(file, 0o600);
    await symlink(file, link);
    assert.equal((await exported(link)).code, 0);
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal(await readFile(file, 'utf8'), '0123456789');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(home.path), ['app.tar', 'link']);
  });

  it('writes to devices and pipes as they are', async () => {
    assert.equal((await exported('/dev/null')).code, 0);
    assert.ok((await stat('/dev/null')).isCharacterDevice());
    await promisify(execFile)('mkfifo', [file]);
    const [read, { code }] = await Promise.all([readFile(file, 'utf8'), exported(file)]);
    assert.deepEqual([read, code], ['0123456789', 0]);
    assert.ok((await stat(file)).isFIFO());
  });

  it('follows no link that somebody else has put beside the file', async () => {
    const victim = join(home.path, 'victim');
    await writeFile(victim, 'mine');
    await symlink(victim, `${file}.part`);
    assert.equal((await exported(file)).code, 0);
    assert.equal(await readFile(victim, 'utf8'), 'mine');
    assert.equal(await readFile(file, 'utf8'), '0123456789');
  });

  it('leaves nothing, and the file that was there, where it is interrupted', async () => {
    await writeFile(file, 'before');
    const abort = new AbortController();
    async function* stalled(): AsyncGenerator<Buffer> {
      yield Buffer.from('more');
      setImmediate(() => abort.abort(new Interrupted('SIGTERM')));
      await new Promise(() => undefined);
    }
    const interruptible: CommandContext['interruptible'] = (work) =>
      work(abort.signal).catch(() => {
        throw abort.signal.reason;
      });
    assert.deepEqual(await exported(file, { interruptible }, stalled), { out: '', err: '', code: 143 });
    assert.equal(await readFile(file, 'utf8'), 'before');
    assert.deepEqual(await readdir(home.path), ['app.tar']);
  });
});
