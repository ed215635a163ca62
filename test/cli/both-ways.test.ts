import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OPERATIONS } from '../../src/api/operations.js';
import { savedImage, tarArchive } from '../archive/archives.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { AdminWorld, WAYS, type Told, type Way } from './admin-world.js';

/** In the order in which they are run; words in braces stand for what earlier ones told. */
const LINES = [
  'user create alice --group dev --password-stdin',
  'user create alice --password-stdin',
  'user create bob --admin --json',
  'user list',
  'user list --json --limit 1',
  'user show alice',
  'user show nobody --json',
  'user passwd alice --json',
  'user groups alice dev ops',
  'user admin bob off',
  'user disable bob',
  'user enable bob',
  'group list',
  'group add qa bob',
  'group remove qa bob',
  'group list --json',
  'robot create ci --grant team/**:pull,push --expires 90d',
  'robot create cd --json',
  'robot list',
  'robot show ci --json',
  'robot disable ci',
  'robot enable ci',
  'robot delete cd',
  'grant add group:dev dev/** pull',
  'grant add user:stranger dev/** pull',
  'grant list',
  'grant remove group:dev dev/** pull',
  'grant remove group:dev dev/** pull',
  'policy explain ci team/app push',
  'policy explain ci other pull --json',
  'key rotate',
  'key list',
  'token create alice --note laptop --limit team/**:pull --json',
  'token show {token}',
  'token list alice',
  'token rotate {token} --overlap 1h',
  'token revoke {token}',
  'token show {token}',
  'import team/app {folder}/image.tar --tag 1.0 --json',
  'import team/app {folder}/image.tar --tag 1.0',
  'import team/app {folder}/none.tar',
  'import team/app {folder}/no-archive',
  'repository list',
  'repository list other --json',
  'repository show team/app',
  'tag set team/app latest 1.0',
  'tag set team/app latest nothing',
  'tag list team/app',
  'tag show team/app latest',
  'tag show team/app missing',
  'manifest list team/app',
  'manifest show team/app 1.0',
  'manifest show team/app {digest} --json',
  'manifest referrers team/app {digest}',
  'copy team/app 1.0 team/copy --tag stable --referrers',
  'repository usage team/app',
  'repository usage',
  'repository usage --namespace team --json',
  'export team/app 1.0 latest -o {folder}/exported.tar',
  'export team/app none -o {folder}/none.tar',
  'tag delete team/app latest',
  'manifest delete team/copy {digest}',
  'repository delete team/copy',
  'repository delete team/copy --yes',
  'repository delete team/none --yes --json',
  'read-only on --reason backup --json',
  'tag set team/app latest 1.0',
  'read-only off',
  'read-only show',
  'log-level set debug',
  'log-level set loud',
  'log-level show --json',
  'log-level reset',
  'mirror status',
  'mirror warm',
  'mirror warm hub.test/library/app:1',
  'mirror warm hub.test/library/app:2 hub.test/library/app:1 --platform linux/arm64 --json',
  'mirror warm elsewhere.test/library/app:1',
  'mirror warm hub.test/library/app:1 --platform nothing',
  'tag set mirror/hub.test/library/app 2 1',
  'tag list mirror/hub.test/library/app',
  'mirror purge',
  'mirror purge --upstream hub.test --unused 30d',
  'mirror purge --repository mirror/*/library/* --dry-run',
  'mirror purge --upstream hub.test --json',
  'repository list mirror/',
  'user delete alice',
  'user delete alice',
] as const;

const PASSWORD = 'correct horse';
const MIRROR = { STACKYARD_MIRROR_UPSTREAMS: 'hub.test' };

/** One store, an administrator of it, and what command lines told. */
class Run {
  readonly told = new Map<string, Told>();
  private memory: Readonly<Record<string, string>>;

  private constructor(
    readonly world: AdminWorld,
    private readonly folder: TemporaryDirectory,
    private readonly way: Way,
  ) {
    this.memory = { folder: folder.path };
  }

  static async open(way: Way): Promise<Run> {
    const folder = await temporaryDirectory('both-ways');
    const { entries } = savedImage(['team/app:1.0']);
    await writeFile(join(folder.path, 'image.tar'), await tarArchive(entries));
    await writeFile(join(folder.path, 'no-archive'), 'no archive at all');
    return new Run(await AdminWorld.open(), folder, way);
  }

  async all(): Promise<void> {
    await this.world.stackyard('user create root --admin');
    const { secret } = await this.world.json<{ secret: string }>('token create root');
    const server = this.way === 'remote' ? await this.world.serve(MIRROR) : undefined;
    const place = server === undefined ? '' : ` --server ${server.url}`;
    const env = { ...MIRROR, ...(server !== undefined && { STACKYARD_TOKEN: secret }) };
    const given = { input: PASSWORD, env };
    try {
      for (const [index, line] of [...LINES, 'audit list --json', 'audit list'].entries()) {
        const filled = line.replaceAll(/\{(\w+)\}/g, (_, name: string) => this.memory[name] ?? name);
        const told = await this.world.stackyard(`${filled}${place}`, given);
        this.told.set(`${index} ${line}`, told);
        this.remember(line, told);
      }
      await this.world.stackyard(`audit export -o ${this.folder.path}/audit.jsonl${place}`, given);
      await this.world.stackyard(`whoami${place}`, given);
    } finally {
      await server?.close();
    }
  }

  file(name: string): Promise<Buffer> {
    return readFile(join(this.folder.path, name));
  }

  /** Without what is another one each time. */
  text({ out, err, code }: Told): string {
    return `${code}\n${out}${err}`
      .replaceAll(this.folder.path, 'FOLDER')
      .replaceAll(/local:[^"]+/g, 'root')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/sy_[\w-]+/g, 'SECRET')
      .replaceAll(/id0[a-z0-9]{23}/g, 'ID')
      .replaceAll(/(password"?(?: \(shown only once\))?: ?"?)[\w-]{20}/g, '$1PASSWORD')
      .replaceAll(/(?<=^|["\s])[\w-]{43}(?=["\s])/gm, 'KEY');
  }

  async remove(): Promise<void> {
    await this.world.remove();
    await this.folder.remove();
  }

  private remember(line: string, { out, code }: Told): void {
    if (code !== 0 || !line.endsWith('--json')) return;
    const value = JSON.parse(out) as { id?: string; images?: { digest: string }[] };
    if (line.startsWith('token create')) this.memory = { ...this.memory, token: value.id ?? '' };
    if (line.startsWith('import')) this.memory = { ...this.memory, digest: value.images?.[0]?.digest ?? '' };
  }
}

describe('the same command lines upon a store and by way of a server', function () {
  this.timeout(60_000);
  let local: Run;
  let remote: Run;

  before(async () => {
    [local, remote] = await Promise.all([Run.open('local'), Run.open('remote')]);
    for (const run of [local, remote]) await run.all();
  });
  after(() => Promise.all([local.remove(), remote.remove()]));

  for (const [index, line] of LINES.entries()) {
    it(line, () => {
      const [here, there] = [local, remote].map((run) => run.told.get(`${index} ${line}`));
      assert.ok(here && there);
      assert.equal(remote.text(there), local.text(here));
    });
  }

  it('end with the exit codes of their kinds', () => {
    const codes = LINES.map((line, index) => [line, local.told.get(`${index} ${line}`)?.code] as const);
    assert.deepEqual(
      codes.filter(([, code]) => code !== 0),
      [
        ['user create alice --password-stdin', 5],
        ['user show nobody --json', 4],
        ['grant remove group:dev dev/** pull', 4],
        ['policy explain ci other pull --json', 3],
        ['token show {token}', 4],
        ['import team/app {folder}/none.tar', 2],
        ['import team/app {folder}/no-archive', 1],
        ['tag set team/app latest nothing', 4],
        ['tag show team/app missing', 4],
        ['export team/app none -o {folder}/none.tar', 4],
        ['repository delete team/copy', 2],
        ['repository delete team/none --yes --json', 4],
        ['tag set team/app latest 1.0', 3],
        ['log-level set loud', 2],
        ['mirror warm', 2],
        ['mirror warm hub.test/library/app:2 hub.test/library/app:1 --platform linux/arm64 --json', 1],
        ['mirror warm elsewhere.test/library/app:1', 1],
        ['mirror warm hub.test/library/app:1 --platform nothing', 2],
        ['tag set mirror/hub.test/library/app 2 1', 3],
        ['mirror purge', 2],
        ['user delete alice', 4],
      ],
    );
  });

  it('ask for every operation of the admin API', () => {
    const wanted = Object.keys(OPERATIONS).filter((id) => id !== 'getApiDescription');
    for (const { world } of [local, remote]) assert.deepEqual([...world.asked].sort(), wanted.sort());
  });

  it('export the same archive, which is whole', async () => {
    const [here, there] = await Promise.all([local.file('exported.tar'), remote.file('exported.tar')]);
    assert.ok(here.byteLength > 20_000);
    assert.ok(here.equals(there));
    await assert.rejects(remote.file('none.tar'), { code: 'ENOENT' });
    await assert.rejects(remote.file('none.tar.part'), { code: 'ENOENT' });
  });

  it('leave the same in the audit log, by whom they were done', async () => {
    const [here, there] = await Promise.all(
      [local, remote].map(async (run) => {
        const lines = (await run.file('audit.jsonl')).toString().trimEnd().split('\n');
        return lines.map((line) => JSON.parse(line) as Record<string, string>);
      }),
    );
    assert.ok(here && there);
    const facts = ({ action, outcome, repository, reference, digest }: Record<string, string>) =>
      JSON.stringify({ action, outcome, repository, reference, digest });
    assert.deepEqual(there.map(facts), here.map(facts));
    const own = there.filter(({ by }) => by === 'root');
    assert.ok(own.length > 30 && own.every(({ token, from }) => token !== undefined && from === '127.0.0.1'));
    assert.ok(here.every(({ by }) => by?.startsWith('local:')));
    for (const action of ['robot.create', 'image.import', 'tag.set', 'image.export'])
      assert.ok(
        own.some((event) => event['action'] === action && event['outcome'] === 'ok'),
        action,
      );
  });

  for (const way of WAYS)
    it(`show the audit log as it was exported [${way}]`, async () => {
      const run = way === 'local' ? local : remote;
      const exported = (await run.file('audit.jsonl')).toString().trimEnd().split('\n');
      const listed = run.told.get(`${LINES.length} audit list --json`);
      assert.deepEqual(
        JSON.parse(listed?.out ?? ''),
        exported.map((line) => JSON.parse(line) as unknown),
      );
      const table = run.told.get(`${LINES.length + 1} audit list`)?.out ?? '';
      assert.match(table, /^time +by +action +outcome +what +from\n/);
      assert.equal(table.trimEnd().split('\n').length, exported.length + 1);
    });
});
