import assert from 'node:assert/strict';
import { lstat, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Folder } from '../../src/cli/client-config-folder.js';
import { existingFiles, writeFiles } from '../../src/cli/client-config-host.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { told, type Told } from './test-context.js';

const REGISTRY = ['--registry', 'registry.example:5000'];
const LOGIN = ['--username', 'ci', '--password-stdin'];
const DAEMON_JSON = 'etc/docker/daemon.json';

describe('stackyard client-config, below a directory of somebody else', () => {
  let root: TemporaryDirectory;
  let into: string;

  beforeEach(async () => {
    root = await temporaryDirectory('client-config');
    into = root.path;
  });
  afterEach(() => root.remove());

  const at = (path: string): string => join(into, path);
  const docker = (...more: readonly string[]): Promise<Told> =>
    told(['client-config', 'docker', ...REGISTRY, ...more], { readLine: async () => 'pw' });
  const modeOf = async (path: string): Promise<number> => (await lstat(at(path))).mode & 0o777;

  async function existing(path: string, content: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content, { mode });
  }

  async function refused(promise: Promise<Told>, message: string): Promise<void> {
    assert.deepEqual(await promise, { out: '', err: `stackyard: ${message}\n`, code: 2 });
  }

  describe('in a home whose user plants a link', () => {
    const TARGET = 'etc/shadow';
    const words = [...LOGIN, '--home', '/home/ci'];

    beforeEach(async () => {
      await existing(TARGET, 'root:x', 0o600);
      await mkdir(at('home/ci/.docker'), { recursive: true });
    });

    for (const place of ['home', 'home/ci', 'home/ci/.docker', 'home/ci/.docker/config.json'])
      it(`refuses ${place}, a link to what is there and to nothing`, async () => {
        for (const target of ['folder', 'nothing']) {
          await rm(at(place), { recursive: true, force: true });
          await mkdir(at('folder/ci/.docker'), { recursive: true });
          await symlink(at(target), at(place));
          await refused(
            docker(...words, '--into', into),
            `${at(place)}: it is a link to ${at(target)}, which is not followed; name the place itself, or replace the link`,
          );
          assert.deepEqual(await readdir(at('folder/ci/.docker')), []);
        }
        assert.deepEqual((await readdir(into)).sort(), ['etc', 'folder', 'home']);
      });

    it('writes past links at names that were those of its own files', async () => {
      const planted = [`config.json.${process.pid}.new`, 'config.json.new', '.config.json.new'];
      for (const name of planted) await symlink(at(TARGET), join(at('home/ci/.docker'), name));
      assert.equal((await docker(...words, '--into', into)).code, 0);
      assert.deepEqual((await readdir(at('home/ci/.docker'))).sort(), [...planted, 'config.json'].sort());
      assert.equal(await readFile(at(TARGET), 'utf8'), 'root:x');
      assert.equal(await modeOf(TARGET), 0o600);
    });

    it('writes into the folder that it has looked at, whatever is in its place since', async () => {
      const folder = await Folder.open(at('home/ci'));
      try {
        const inner = await folder.folder('.docker');
        assert.ok(inner);
        await rm(at('home/ci/.docker'), { recursive: true });
        await symlink(at('etc'), at('home/ci/.docker'));
        await assert.rejects(inner.makeFolder('x', 0o755), /\/\.docker\/x: it cannot be made \(ENOENT\)/);
        const owner = await folder.handle.stat();
        await assert.rejects(inner.stage('shadow', 'ours', 0o600, owner), /it cannot be written \(ENOENT\)/);
        assert.deepEqual(await readdir(at('etc')), ['shadow']);
        await inner.close();
      } finally {
        await folder.close();
      }
    });

    it('keeps what it has written out of reach until it is in its place', async () => {
      const folder = await Folder.open(at('home/ci/.docker'));
      try {
        const staged = await folder.stage('config.json', 'ours', 0o600, await folder.handle.stat());
        const [hidden = ''] = await readdir(at('home/ci/.docker'));
        assert.match(hidden, /^\.stackyard-.{6}$/);
        assert.equal(await modeOf(`home/ci/.docker/${hidden}`), 0o700);
        await rm(at(`home/ci/.docker/${hidden}`), { recursive: true });
        await symlink(at('etc'), at(`home/ci/.docker/${hidden}`));
        await assert.rejects(staged.place(), /config\.json: it cannot be replaced \(ENOENT\)/);
        await staged.remove();
        assert.equal(await readFile(at(TARGET), 'utf8'), 'root:x');
      } finally {
        await folder.close();
      }
    });
  });

  it('writes nothing over what became another file since it was read', async () => {
    await existing(DAEMON_JSON, '{}');
    const path = `/${DAEMON_JSON}`;
    const found = await existingFiles(into, [path]);
    await writeFile(at(DAEMON_JSON), '{"debug": true}');
    const writing = writeFiles(into, [{ path, mode: 0o644, content: 'ours' }], {
      paths: [path],
      existing: found,
    });
    await assert.rejects(writing, { message: `${at(DAEMON_JSON)}: it was changed meanwhile; try again` });
    assert.equal(await readFile(at(DAEMON_JSON), 'utf8'), '{"debug": true}');
    assert.deepEqual(await readdir(at('etc/docker')), ['daemon.json']);
  });
});
