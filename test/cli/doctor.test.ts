import assert from 'node:assert/strict';
import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { examineStore, type Finding } from '../../src/composition/doctor.js';
import { systemIds } from '../../src/composition/system.js';
import { loadConfig } from '../../src/config/index.js';
import { leaveOut } from '../support/requirement.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { told, type Told } from './test-context.js';

async function stackyard(commandLine: string, env: Record<string, string>): Promise<Told> {
  return told(commandLine.split(' '), {
    loadConfig: (configPath) => loadConfig({ env, cwd: '/', configPath, readFile: noFile }),
    examine: examineStore,
  });
}

function noFile(): never {
  throw Object.assign(new Error('there is no file'), { code: 'ENOENT' });
}

function findingsOf({ out }: Told): Map<string, Finding> {
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  return new Map(findings.map((finding) => [finding.check, finding]));
}

describe('stackyard doctor', function () {
  this.timeout(30_000);
  let folder: TemporaryDirectory;
  let root: string;

  const filesystem = (more: Record<string, string> = {}): Record<string, string> => ({
    STACKYARD_STORAGE_FILESYSTEM_ROOT: root,
    ...more,
  });

  beforeEach(async () => {
    folder = await temporaryDirectory('doctor');
    root = join(folder.path, 'root');
  });
  afterEach(() => folder.remove());

  it('prints a line for each finding and ends with 0 where nothing failed', async () => {
    await mkdir(root);
    const { out, err, code } = await stackyard('doctor', filesystem());
    assert.deepEqual([err, code], ['', 0]);
    assert.match(out, /^ok {4}configuration {4}valid; storage\.driver is filesystem\n/);
    assert.match(out, /\nok {4}root {13}.* may be read and written\n/);
    assert.match(out, /\n(?:ok {2}|warn) {2}free space {7}.* of .* are free/);
    assert.match(out, /\nok {4}format {11}none yet: the first start writes it\n/);
    assert.match(out, /\nok {4}write {12}put \d+ ms, get \d+ ms, listed \d+ ms, delete \d+ ms\n$/);
    const left = await readdir(root, { recursive: true, withFileTypes: true });
    assert.deepEqual(
      left.filter((entry) => entry.isFile()),
      [],
    );
  });

  it('does not make a root that is missing', async () => {
    const told = await stackyard('doctor --json', filesystem());
    assert.equal(told.code, 0);
    const findings = findingsOf(told);
    assert.equal(findings.get('root')?.level, 'warning');
    assert.match(findings.get('write')?.found ?? '', /^not checked: /);
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('as root makes nothing in the directory of another user', async function () {
    if (process.getuid?.() !== 0) leaveOut(this, 'only root can give a directory away');
    await mkdir(root);
    await chown(root, 1, 1);
    const told = await stackyard('doctor --json', filesystem());
    assert.match(findingsOf(told).get('root')?.found ?? '', /is that of the user 1, not of root$/);
    assert.match(findingsOf(told).get('write')?.found ?? '', /^not checked: /);
    assert.deepEqual(await readdir(root), []);
  });

  it('fails, with the fix, for a root that is no directory', async () => {
    await writeFile(root, '');
    const { out, err, code } = await stackyard('doctor', filesystem());
    assert.equal(code, 1);
    assert.equal(err, 'stackyard: 1 check failed\n');
    assert.match(out, /\nFAIL {2}root {13}.* is no directory {2}→ correct storage\.filesystem\.root\n/);
  });

  it("tells of another registry's data, of storage.shared and of a newer release's store", async () => {
    const repositories = join(root, 'docker/registry/v2/repositories/a/_layers');
    await mkdir(repositories, { recursive: true });
    await writeFile(join(repositories, 'link'), '');
    const adopted = findingsOf(await stackyard('doctor --json', filesystem())).get('format');
    assert.equal(adopted?.level, 'warning');
    assert.match(`${adopted.found} ${adopted.fix}`, /another registry's data.* stackyard adopt --finish/);
    const denied = await stackyard('doctor --json', filesystem({ STACKYARD_STORAGE_SHARED: 'false' }));
    assert.equal(denied.code, 1);
    assert.match(findingsOf(denied).get('format')?.found ?? '', /^storage\.shared is false, but another/);
    await mkdir(join(root, 'stackyard/v1'), { recursive: true });
    await writeFile(join(root, 'stackyard/v1/format'), '{"version":99}');
    const newer = await stackyard('doctor --json', filesystem());
    assert.equal(newer.code, 1);
    assert.match(findingsOf(newer).get('format')?.found ?? '', /the store has version 99/);
  });

  it('says that memory forgets', async () => {
    const { out, code } = await stackyard('doctor', { STACKYARD_STORAGE_DRIVER: 'memory' });
    assert.equal(code, 0);
    assert.match(
      out,
      /\nwarn {2}memory {11}the store is forgotten .* → set storage\.driver to filesystem or swift\n/,
    );
  });

  it('shows each problem of the configuration as a failure, in JSON too', async () => {
    const told = await stackyard('doctor --json', { STACKYARD_STORAGE_DRIVER: 'swfit', PORT: 'x' });
    assert.deepEqual([told.code, told.err], [1, 'stackyard: 2 checks failed\n']);
    const { ok, findings } = JSON.parse(told.out) as { ok: boolean; findings: Finding[] };
    assert.equal(ok, false);
    assert.deepEqual(
      findings.map(({ check, level }) => [check, level]),
      [
        ['configuration', 'error'],
        ['configuration', 'error'],
      ],
    );
    for (const { fix } of findings) assert.match(fix ?? '', /^give /);
  });

  it('examines a container of Swift, and opens only one that a server may', async function () {
    const bed = await swiftBed(this);
    const container = `doctor-${systemIds.unique()}`;
    const env = swiftEnvironment(bed.v1, container);
    const examined = async (): Promise<Told> => stackyard('doctor --json', env);
    const missing = await examined();
    assert.equal(missing.code, 0);
    assert.match(findingsOf(missing).get('write')?.found ?? '', /^not checked/);
    assert.equal((await bed.request('HEAD', `/${container}`)).status, 404);
    await bed.request('PUT', `/${container}`, { 'X-Container-Read': '.r:*' });
    try {
      const open = await examined();
      assert.equal(open.code, 1);
      assert.match(findingsOf(open).get('write')?.found ?? '', /^not checked/);
      await bed.request('POST', `/${container}`, { 'X-Container-Read': '' });
      const well = await examined();
      assert.deepEqual([well.code, well.err], [0, '']);
      assert.match(findingsOf(well).get('write')?.found ?? '', /^put \d+ ms, get /);
      assert.equal(findingsOf(well).get('format')?.found, 'none yet: the first start writes it');
      assert.equal((await bed.request('GET', `/${container}`)).body.toString(), '');
    } finally {
      await bed.request('DELETE', `/${container}`);
    }
  });
});
